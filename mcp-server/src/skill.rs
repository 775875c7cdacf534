//! The skill that teaches an agent to work with us, as MCP's skills extension (SEP-2640) serves it: the very file that the plugins of
//! the clients bring.

use rmcp::model::{Skill, SkillFrontmatter, SkillResource, SkillResources};

/// Where it is found.
pub(crate) const URI: &str = "skill://auditotter/SKILL.md";

/// What it says.
pub(crate) const TEXT: &str = include_str!("../../skills/auditotter/skills/auditotter/SKILL.md");

/// The skill, with what its file says of itself.
pub(crate) fn skill() -> Skill {
    let mut about = SkillFrontmatter::new("", "");
    for (name, value) in frontmatter() {
        match name {
            "name" => value.clone_into(&mut about.name),
            "description" => value.clone_into(&mut about.description),
            other => about = about.with_field(other, value),
        }
    }
    let file = SkillResource::from_bytes(URI, TEXT.as_bytes());
    Skill::new(URI, about, SkillResources::Files(vec![file]))
}

/// The lines between the file's first two rules: a name and a text each.
fn frontmatter() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = TEXT.lines().skip(1).take_while(|line| *line != "---");
    lines.filter_map(|line| line.split_once(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_says_of_itself_what_is_told_of_it() {
        let skill = skill();
        assert_eq!((skill.name(), skill.validate()), ("auditotter", Ok(())));
        assert!(
            skill.frontmatter.description.len() > 100,
            "{:?}",
            skill.frontmatter
        );
        assert_eq!(skill.frontmatter.extra["license"], "Apache-2.0");
        assert!(TEXT.starts_with("---\nname: auditotter\n"));
    }
}
