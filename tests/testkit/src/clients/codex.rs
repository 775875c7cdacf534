//! Codex, headless.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Reach, SERVER, Wire, installed, repository_root, run};
use crate::{
    Home, ScriptedModel,
    clients::{Session, Working},
    program::{self, Ran},
};

/// An installed Codex, and how it is set up.
#[derive(Debug)]
pub struct Codex {
    program: PathBuf,
    server: Reach,
}

impl Codex {
    /// The pinned one, or a loud word on how to install it.
    #[must_use]
    pub fn installed() -> Option<Self> {
        let program = installed("codex")?;
        let server = Reach::Stdio(program::path("auditotter-mcp"));
        Some(Self { program, server })
    }

    /// Has it start the server behind a tap.
    #[must_use]
    pub fn through(mut self, wire: &Wire) -> Self {
        self.server = Reach::Stdio(wire.command().to_owned());
        self
    }

    /// Has it reach the server in this way.
    #[must_use]
    pub fn over(mut self, reach: Reach) -> Self {
        self.server = reach;
        self
    }

    /// `codex` with these arguments, in this home.
    ///
    /// # Panics
    /// Where it does not end.
    #[must_use]
    pub fn run(&self, home: &Home, arguments: &[&str]) -> Ran {
        let mut command = self.command(home);
        command.args(arguments);
        run::to_the_end(command)
    }

    /// Its version, as it says it.
    ///
    /// # Panics
    /// Where it does not say it.
    #[must_use]
    pub fn version(&self, home: &Home) -> String {
        let said = self.run(home, &["--version"]).expect_success();
        said.split_whitespace().last().unwrap_or_default().to_owned()
    }

    /// Lets it work under a scripted model, with the server under test as its only one.
    ///
    /// # Panics
    /// Where it does not end, and over SSE, which it does not speak.
    #[must_use]
    pub fn work(&self, home: &Home, model: &ScriptedModel, prompt: &str) -> Session {
        Session::of(self.at_work(home, model, &["exec", "--skip-git-repo-check", "--json", prompt]))
    }

    /// The same in a folder where it may write, with our hooks, which somebody trusted.
    ///
    /// # Panics
    /// Where it does not end.
    #[must_use]
    pub fn work_with_hooks(
        &self,
        home: &Home,
        folder: &Path,
        model: &ScriptedModel,
        prompt: &str,
    ) -> Session {
        self.begin_with_hooks(home, folder, model, prompt).end()
    }

    /// The same without waiting for the end.
    ///
    /// # Panics
    /// Where it does not run.
    #[must_use]
    pub fn begin_with_hooks(
        &self,
        home: &Home,
        folder: &Path,
        model: &ScriptedModel,
        prompt: &str,
    ) -> Working {
        let own = home.user().join(".codex");
        fs::create_dir_all(&own).expect("a folder can be made");
        let hooks = repository_root().join("skills/auditotter/hooks/codex.json");
        fs::copy(hooks, own.join("hooks.json")).expect("a file can be copied");
        let mut command = self.at_work(home, model, &with_hooks(prompt));
        command.current_dir(folder);
        Working::begin(command)
    }

    /// The same with what is in its own configuration; that has to name the model, as [`Self::model`] does.
    ///
    /// # Panics
    /// Where it does not end.
    #[must_use]
    pub fn work_as_installed(&self, home: &Home, folder: &Path, prompt: &str) -> Session {
        let mut command = self.command(home);
        command
            .args(with_hooks(prompt))
            .env("SCRIPTED_KEY", "anything")
            .current_dir(folder);
        Session::of(command)
    }

    /// What its configuration says of a scripted model.
    #[must_use]
    pub fn model(model: &ScriptedModel) -> String {
        format!(
            "model = \"scripted\"\n\
             model_provider = \"scripted\"\n\
             approval_policy = \"never\"\n\
             sandbox_mode = \"read-only\"\n\
             [model_providers.scripted]\n\
             name = \"scripted\"\n\
             base_url = \"{url}/v1\"\n\
             wire_api = \"responses\"\n\
             env_key = \"SCRIPTED_KEY\"\n\
             request_max_retries = 0\n\
             stream_max_retries = 0\n",
            url = model.url(),
        )
    }

    fn at_work(&self, home: &Home, model: &ScriptedModel, arguments: &[&str]) -> Command {
        let (server, credential) = match &self.server {
            Reach::Stdio(program) => {
                let program = program.display().to_string();
                (
                    format!("command = {program:?}\nenv_vars = [\"AUDITOTTER_HOME\"]"),
                    None,
                )
            }
            Reach::Http { hub, credential } => (
                format!("url = \"{hub}/mcp\"\nbearer_token_env_var = \"AUDITOTTER_TOKEN\""),
                Some(credential),
            ),
            Reach::Sse { .. } => panic!("Codex does not speak HTTP+SSE"),
        };
        // Codex cancels calls of tools that change something unless the server is trusted with them, and hands
        // on no variable that is not named.
        let config = format!(
            "{model}\
             [mcp_servers.{SERVER}]\n\
             {server}\n\
             required = true\n\
             startup_timeout_sec = 60\n\
             tool_timeout_sec = 60\n\
             default_tools_approval_mode = \"approve\"\n",
            model = Self::model(model),
        );
        let folder = home.user().join(".codex");
        fs::create_dir_all(&folder).expect("a folder can be made");
        fs::write(folder.join("config.toml"), config).expect("a file can be written");
        let mut command = self.command(home);
        command
            .args(arguments)
            .env("SCRIPTED_KEY", "anything")
            .envs(credential.map(|credential| ("AUDITOTTER_TOKEN", credential)));
        command
    }

    fn command(&self, home: &Home) -> Command {
        home.command(&self.program)
    }
}

/// Has it work where it may write, with hooks that somebody trusted.
fn with_hooks(prompt: &str) -> [&str; 7] {
    [
        "exec",
        "--skip-git-repo-check",
        "--json",
        "--dangerously-bypass-hook-trust",
        "--sandbox",
        "danger-full-access",
        prompt,
    ]
}
