//! Codex' patches: which files they name.

/// The files that a patch adds, changes, removes and makes, in its order; `None` if it is no such patch.
///
/// A line counts however it is indented, since Codex is lenient there: rather one file more than one less.
pub(crate) fn paths(patch: &str) -> Option<Vec<String>> {
    const NAMES: [&str; 4] = [
        "*** Add File:",
        "*** Update File:",
        "*** Delete File:",
        "*** Move to:",
    ];
    const PLAIN: [&str; 3] = ["*** Begin Patch", "*** End Patch", "*** End of File"];
    let mut paths = Vec::new();
    let mut begun = false;
    for line in patch.split(['\n', '\r']) {
        let marker = line.trim();
        begun |= marker == "*** Begin Patch";
        match NAMES.iter().find_map(|name| marker.strip_prefix(name)) {
            Some(path) if !path.trim().is_empty() => paths.push(path.trim().to_owned()),
            Some(_) => return None,
            // A kind of change that is not known here.
            None if line.starts_with("***") && !PLAIN.contains(&marker) => return None,
            None => {}
        }
    }
    (begun && !paths.is_empty()).then_some(paths)
}

#[cfg(test)]
mod tests {
    use super::paths;

    #[test]
    fn every_file_of_a_patch_is_named() {
        let patch = "*** Begin Patch\n*** Update File: src/a.rs\n*** Move to: src/b.rs\n@@\n-x\n+y\n*** Add File: c\n+*** d\n  *** Delete File: e f\n*** End Patch\n";
        assert_eq!(paths(patch).unwrap(), ["src/a.rs", "src/b.rs", "c", "e f"]);
    }

    #[test]
    fn what_is_no_patch_of_this_kind_names_nothing() {
        for odd in [
            "",
            "*** Begin Patch\n*** End Patch",
            "*** Add File: a",
            "*** Begin Patch\n*** Rename File: a\n*** Add File: b",
            "*** Begin Patch\n*** Add File: \n",
            "--- a\n+++ b\n",
        ] {
            assert_eq!(paths(odd), None, "{odd:?}");
        }
    }
}
