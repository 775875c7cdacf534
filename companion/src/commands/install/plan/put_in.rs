//! What puts everything in.

use vocabulary::Client;

use super::{
    super::{
        claude::Step,
        document::{edited, edited_plain, hooks_in, read_json},
        files, hooks, obstacles,
        places::{Places, Scope},
        receipt::{self, Receipt},
        server_program::ServerProgram,
        servers,
    },
    Change, HOOKS, Plan, SERVER, SILENT, SKILL, SKILL_FILE, claude_for, digest, read, skill_of,
};

impl Plan {
    /// What puts everything in.
    pub(in super::super) fn to_put_in(places: &Places, program: &ServerProgram) -> anyhow::Result<Self> {
        obstacles::refuse(places)?;
        let receipt_file = places.find(&places.skill.join(receipt::NAME))?;
        let mut receipt = read(&receipt_file)?;
        let mut plan = Self::empty("Nothing had to change.");
        plan.remark_on(places, program);
        plan.put_in_server(places, program, &mut receipt)?;

        let found = places.find(&places.hooks)?;
        let noted = receipt.files.entry("hooks".to_owned()).or_default();
        let after = edited(&found, |text| {
            hooks::put_in(text, places.client, program, &mut noted.containers)
        })?;
        plan.change(HOOKS, found, after, noted);

        plan.put_in_skill(places, &mut receipt)?;
        let mut kept = serde_json::to_string_pretty(&receipt)?;
        kept.push('\n');
        let receipt = Change {
            what: SILENT,
            found: receipt_file,
            after: Some(kept.into_bytes()),
        };
        // Before all others: whoever is interrupted here still knows what was there.
        plan.files.insert(0, receipt);
        Ok(plan)
    }

    fn remark_on(&mut self, places: &Places, program: &ServerProgram) {
        self.remarks.extend(program.remark.clone());
        if places.scope == Scope::Project && (program.remark.is_some() || !program.arguments().is_empty()) {
            self.remarks.push(
                "These files name places of this machine; whoever shares them with others should know."
                    .to_owned(),
            );
        }
        let other = files::find(&places.other_hooks).and_then(|found| hooks_in(&found));
        if places.other_hooks != places.hooks && other.is_ok_and(|events| !events.is_empty()) {
            self.remarks.push(format!(
                "Hooks of ours stand in {} too; a session that reads both files may tell everything twice: keep one.",
                places.other_hooks.display()
            ));
        }
    }

    fn put_in_server(
        &mut self,
        places: &Places,
        program: &ServerProgram,
        receipt: &mut Receipt,
    ) -> anyhow::Result<()> {
        let found = places.find(&places.servers)?;
        if let Some(claude) = claude_for(places) {
            let text = found.text()?.unwrap_or_default();
            let entry = read_json(&found, text, servers::registered)?.flatten();
            if entry.as_ref().is_some_and(|entry| servers::fits(entry, program)) {
                let after = found.bytes.clone();
                self.files.push(Change {
                    what: SERVER,
                    found,
                    after,
                });
            } else {
                // A second one of the name is refused, so the older one goes first.
                self.steps.extend(entry.map(|_| Step::remove(claude.clone())));
                self.steps.push(Step::add(claude, program));
            }
            receipt.files.remove("servers");
            return Ok(());
        }
        let noted = receipt.files.entry("servers".to_owned()).or_default();
        let after = match places.client {
            Client::ClaudeCode => edited(&found, |text| {
                servers::put_in(text, program, &mut noted.containers)
            })?,
            Client::Codex => edited_plain(&found, |text| servers::codex::put_in(text, program))?,
        };
        self.change(SERVER, found, after, noted);
        Ok(())
    }

    fn put_in_skill(&mut self, places: &Places, receipt: &mut Receipt) -> anyhow::Result<()> {
        for (name, content) in skill_of(places.client) {
            let found = places.find(&places.skill.join(name))?;
            let noted = receipt.files.entry(name.to_owned()).or_default();
            let known =
                |bytes: &[u8]| bytes == content.as_bytes() || noted.sha256.as_deref() == Some(&digest(bytes));
            if found.bytes.as_deref().is_some_and(|bytes| !known(bytes)) {
                self.remarks.push(format!(
                    "{} was changed by somebody and was left as it is; remove it and run this again to have ours.",
                    found.path.display()
                ));
                continue;
            }
            noted.sha256 = Some(digest(content.as_bytes()));
            let what = if name == SKILL[0].0 { SKILL_FILE } else { SILENT };
            self.change(what, found, content.to_owned(), noted);
        }
        Ok(())
    }
}
