use super::*;

#[test]
fn what_somebody_wrote_meanwhile_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.json");
    let nothing = find(&path).unwrap();
    fs::write(&path, "theirs").unwrap();
    let something = find(&path).unwrap();
    fs::write(&path, "theirs, later").unwrap();
    for found in [&nothing, &something] {
        for with in [Some(&b"ours"[..]), None] {
            let refused = found.replace(with).unwrap_err().to_string();
            assert!(refused.contains("run this again"), "{refused}");
        }
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "theirs, later");
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing half-written is left"
    );
}

#[test]
fn a_link_that_leads_elsewhere_meanwhile_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, one, other) = (
        folder.path().join("link"),
        folder.path().join("one"),
        folder.path().join("other"),
    );
    for file in [&one, &other] {
        fs::write(file, "{}").unwrap();
    }
    std::os::unix::fs::symlink(&one, &path).unwrap();
    let found = find(&path).unwrap();
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(&other, &path).unwrap();
    assert!(found.replace(Some(b"ours")).is_err());
    for file in [one, other] {
        assert_eq!(fs::read_to_string(file).unwrap(), "{}");
    }
}

#[test]
fn a_file_that_is_replaced_keeps_who_may_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.json");
    fs::write(&path, "{}").unwrap();
    for mode in [0o600, 0o644, 0o444] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        find(&path)
            .unwrap()
            .replace(Some(format!("{mode}").as_bytes()))
            .unwrap();
        let meta = fs::metadata(&path).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, mode);
        assert_eq!(fs::read_to_string(&path).unwrap(), mode.to_string());
    }
}
