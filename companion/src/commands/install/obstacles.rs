//! What is there already, and would make ours run twice or not at all.

use anyhow::Context as _;
use serde_json::{Value, json};
use vocabulary::Client;

use super::{
    document::{BOM, hooks_in, read_json},
    files,
    json::{self, Step},
    places::Places,
    servers::codex,
};

/// Whether what this client of this user does by itself is recorded: by hooks in its settings, or by the plugin's.
pub(super) fn records(places: &Places) -> anyhow::Result<bool> {
    let switches = Switches::of(places)?;
    Ok(!switches.off && (switches.plugin || !hooks_in(&files::find(&places.hooks)?)?.is_empty()))
}

/// Refuses where the plugin brings the same, and where hooks are switched off, so that they would record nothing.
///
/// # Errors
/// Then, and where a file is not as the client documents it.
pub(super) fn refuse(places: &Places) -> anyhow::Result<()> {
    let switches = Switches::of(places)?;
    let (remove, switch) = match places.client {
        Client::ClaudeCode => ("claude plugin uninstall", "\"disableAllHooks\": true"),
        Client::Codex => ("codex plugin remove", "hooks = false"),
    };
    anyhow::ensure!(
        !switches.plugin,
        "the plugin auditotter is there already and brings the same; keep it, or first run: {remove} auditotter@auditotter"
    );
    anyhow::ensure!(
        !switches.off,
        "all hooks are switched off ({switch}), so that nothing would be recorded; take that out of the settings first"
    );
    Ok(())
}

/// What a client's settings say of all hooks, and of our plugin.
#[derive(Debug, Default)]
struct Switches {
    off: bool,
    plugin: bool,
}

impl Switches {
    fn of(places: &Places) -> anyhow::Result<Self> {
        let mut switches = Self::default();
        for path in &places.settings {
            let found = files::find(path)?;
            let text = found.text()?.unwrap_or_default();
            match places.client {
                Client::ClaudeCode => {
                    let off = |text: &str| json::value_at(text, &[Step::Member("disableAllHooks")]);
                    switches.off |= read_json(&found, text, off)?.flatten() == Some(json!(true));
                    let plugins = |text: &str| json::value_at(text, &[Step::Member("enabledPlugins")]);
                    let plugins = read_json(&found, text, plugins)?.flatten();
                    let mut plugins = plugins.as_ref().and_then(Value::as_object).into_iter().flatten();
                    switches.plugin |=
                        plugins.any(|(name, on)| name.starts_with("auditotter@") && *on != json!(false));
                }
                Client::Codex => {
                    let text = text.strip_prefix(BOM).unwrap_or(text);
                    let named = || format!("{} was left alone", path.display());
                    switches.off |= codex::hooks_off(text).with_context(named)?;
                    switches.plugin |= codex::plugin_enabled(text).with_context(named)?;
                }
            }
        }
        Ok(switches)
    }
}
