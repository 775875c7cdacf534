//! Claude Code, headless.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;

use super::{PLUGIN_SERVER, Reach, SERVER, Wire, installed, repository_root, run};
use crate::{
    Home, ScriptedModel,
    clients::{Session, Working},
    program::{self, Ran},
};

/// An installed Claude Code, and how it is set up.
#[derive(Debug)]
pub struct ClaudeCode {
    program: PathBuf,
    server: Reach,
    negotiation: Option<&'static str>,
}

impl ClaudeCode {
    /// The pinned one, or a loud word on how to install it.
    #[must_use]
    pub fn installed() -> Option<Self> {
        let program = installed("claude")?;
        let server = Reach::Stdio(program::path("auditotter-mcp"));
        Some(Self {
            program,
            server,
            negotiation: None,
        })
    }

    /// Has it begin with `initialize`, whatever it would do by itself.
    #[must_use]
    pub const fn with_initialize(mut self) -> Self {
        self.negotiation = Some("legacy");
        self
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

    /// `claude` with these arguments, in this home.
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
        said.split_whitespace().next().unwrap_or_default().to_owned()
    }

    /// Lets it work under a scripted model, with the server under test as its only one.
    ///
    /// # Panics
    /// Where it does not end.
    #[must_use]
    pub fn work(&self, home: &Home, model: &ScriptedModel, prompt: &str) -> Session {
        let web = |kind: &str, url: String, credential: &str| json!({ "type": kind, "url": url, "headers": { "Authorization": format!("Bearer {credential}") } });
        let server = match &self.server {
            Reach::Stdio(program) => json!({ "command": program }),
            Reach::Http { hub, credential } => web("http", format!("{hub}/mcp"), credential),
            Reach::Sse { hub, credential } => web("sse", format!("{hub}/sse"), credential),
        };
        let servers = json!({ "mcpServers": { SERVER: server } });
        let config = home.file("claude-mcp.json");
        fs::write(&config, servers.to_string()).expect("a file can be written");
        let mut command = self.command(home);
        command
            .args([
                "-p",
                prompt,
                "--output-format",
                "stream-json",
                "--verbose",
                "--strict-mcp-config",
            ])
            .args(["--allowedTools", &format!("mcp__{SERVER}__*")])
            .arg("--mcp-config")
            .arg(config)
            .env("ANTHROPIC_BASE_URL", model.url())
            .env("ANTHROPIC_API_KEY", "anything");
        Session::of(command)
    }

    /// Lets it work in a folder under a scripted model, with our plugin, as whoever installed it has it: the server, the skill and
    /// the hooks. Its own tools may be used unasked.
    ///
    /// # Panics
    /// Where it does not end.
    #[must_use]
    pub fn work_with_plugin(
        &self,
        home: &Home,
        folder: &Path,
        model: &ScriptedModel,
        prompt: &str,
    ) -> Session {
        self.begin_with_plugin(home, folder, model, prompt, None).end()
    }

    /// The same without waiting for the end; where a session is named, it goes on with that one.
    ///
    /// # Panics
    /// Where it does not run.
    #[must_use]
    pub fn begin_with_plugin(
        &self,
        home: &Home,
        folder: &Path,
        model: &ScriptedModel,
        prompt: &str,
        goes_on: Option<&str>,
    ) -> Working {
        let mut command = self.with_own_tools(home, folder, PLUGIN_SERVER, model, prompt);
        command
            .arg("--plugin-dir")
            .arg(repository_root().join("skills/auditotter"));
        if let Some(session) = goes_on {
            command.args(["--resume", session]);
        }
        Working::begin(command)
    }

    /// The same with what is in its own configuration, and nothing else.
    ///
    /// # Panics
    /// Where it does not end.
    #[must_use]
    pub fn work_as_installed(
        &self,
        home: &Home,
        folder: &Path,
        model: &ScriptedModel,
        prompt: &str,
    ) -> Session {
        Session::of(self.with_own_tools(home, folder, SERVER, model, prompt))
    }

    /// The folder in which `claude` is.
    ///
    /// # Panics
    /// Where it is in none.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.program.parent().expect("a program is in a folder")
    }

    fn with_own_tools(
        &self,
        home: &Home,
        folder: &Path,
        server: &str,
        model: &ScriptedModel,
        prompt: &str,
    ) -> Command {
        let mut command = self.command(home);
        command
            .args(["-p", prompt, "--output-format", "stream-json", "--verbose"])
            .args([
                "--allowedTools",
                &format!("mcp__{server}__*,Read,Write,Edit,Bash,Agent"),
            ])
            .env("ANTHROPIC_BASE_URL", model.url())
            .env("ANTHROPIC_API_KEY", "anything")
            .current_dir(folder);
        command
    }

    fn command(&self, home: &Home) -> Command {
        let mut command = home.command(&self.program);
        command
            .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
            .env("DISABLE_AUTOUPDATER", "1")
            .envs(self.negotiation.map(|era| ("MCP_PROTOCOL_NEGOTIATION", era)));
        command
    }
}
