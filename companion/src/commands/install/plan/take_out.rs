//! What takes everything out.

use std::path::Path;

use serde_json::json;
use vocabulary::Client;

use super::{
    super::{
        claude::Step,
        document::{BOM, edited_plain, read_json},
        files::Found,
        hooks, json,
        places::Places,
        receipt::{self, Noted, is_blank},
        servers,
    },
    Change, OUT, Plan, SILENT, SKILL, claude_for, digest, read, skill_of,
};

/// No file of a client's lies in more folders of its own than this.
const DEEPEST: usize = 3;

impl Plan {
    /// What takes everything out.
    pub(in super::super) fn to_take_out(places: &Places) -> anyhow::Result<Self> {
        let receipt_file = places.find(&places.skill.join(receipt::NAME))?;
        let receipt = read(&receipt_file)?;
        let mut plan = Self::empty("Nothing of ours was there.");

        let found = places.find(&places.servers)?;
        let noted = receipt.files.get("servers").cloned().unwrap_or_default();
        match (places.client, claude_for(places)) {
            (Client::ClaudeCode, Some(claude)) if noted == Noted::default() => {
                let text = found.text()?.unwrap_or_default();
                if read_json(&found, text, servers::ours_in_json)? == Some(true) {
                    plan.steps.push(Step::remove(claude));
                }
            }
            (Client::ClaudeCode, _) => {
                plan.without(found, &noted, |text| servers::take_out(text, &noted.containers))?;
            }
            (Client::Codex, _) => plan.without(found, &noted, servers::codex::take_out)?,
        }
        let noted = receipt.files.get("hooks").cloned().unwrap_or_default();
        let found = places.find(&places.hooks)?;
        plan.without(found, &noted, |text| hooks::take_out(text, &noted.containers))?;

        let mut all_ours = true;
        let mut around = 0;
        for (name, content) in skill_of(places.client) {
            let found = places.find(&places.skill.join(name))?;
            let noted = receipt.files.get(name).cloned().unwrap_or_default();
            if name == SKILL[0].0 {
                around = noted.folders;
            }
            match &found.bytes {
                Some(bytes) if bytes == content.as_bytes() || noted.sha256 == Some(digest(bytes)) => {
                    let what = if name == SKILL[0].0 { OUT } else { SILENT };
                    plan.folders.extend(found.path.parent().map(Path::to_owned));
                    plan.files.push(Change {
                        what,
                        found,
                        after: None,
                    });
                }
                Some(_) => {
                    all_ours = false;
                    plan.remarks.push(format!(
                        "{} was changed by somebody and was kept.",
                        found.path.display()
                    ));
                }
                None => {}
            }
        }
        if all_ours {
            plan.files.push(Change {
                what: SILENT,
                found: receipt_file,
                after: None,
            });
            // Innermost first: those within the skill, its own, and those around it that were not there.
            plan.folders
                .sort_by_key(|folder| std::cmp::Reverse(folder.components().count()));
            plan.folders.push(places.skill.clone());
            let own = places.skill.ancestors().skip(1);
            plan.folders.extend(
                own.take(around.min(DEEPEST).saturating_sub(1))
                    .map(Path::to_owned),
            );
        }
        Ok(plan)
    }

    /// Takes something out of a file, and the file away where it was not there before and nothing is left.
    fn without(
        &mut self,
        found: Found,
        noted: &Noted,
        edit: impl FnOnce(&str) -> anyhow::Result<String>,
    ) -> anyhow::Result<()> {
        let Some(before) = found.text()? else {
            return Ok(());
        };
        if is_blank(before) {
            return Ok(());
        }
        let json = found
            .path
            .extension()
            .is_some_and(|extension| extension == "json");
        let left = edited_plain(&found, edit)?;
        let bare = left.strip_prefix(BOM).unwrap_or(&left);
        let nothing = is_blank(bare) || (json && json::value_at(bare, &[])? == Some(json!({})));
        let after = match &noted.blank {
            _ if left == before || !nothing => Some(left),
            Some(blank) if is_blank(blank) => Some(blank.clone()),
            // A link is somebody's, and where it leads is more than this place.
            _ if noted.made && !found.is_link() => None,
            _ => Some(left),
        };
        if after.is_none() {
            let around = found.path.ancestors().skip(1).take(noted.folders.min(DEEPEST));
            self.folders.extend(around.map(Path::to_owned));
        }
        let after = after.map(String::into_bytes);
        self.files.push(Change {
            what: OUT,
            found,
            after,
        });
        Ok(())
    }
}
