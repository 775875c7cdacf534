//! What holds of every command.

use std::{collections::BTreeSet, path::Path};

use proptest::prelude::*;

use super::{Named, Setting, deeds};

pub(super) fn setting() -> Setting<'static> {
    Setting {
        root: Path::new("/home/alice/shop"),
        cwd: Path::new("/home/alice/shop"),
        home: Some(Path::new("/home/alice")),
    }
}

fn named(command: &str) -> BTreeSet<Named> {
    deeds(command, setting())
        .into_iter()
        .map(|deed| deed.what)
        .collect()
}

/// Whether everything that one command does is done by another as well, or that one may do anything.
fn as_strict(before: &BTreeSet<Named>, after: &BTreeSet<Named>) -> bool {
    before.iter().all(|what| {
        after.contains(what) || (after.contains(&Named::Anywhere) && !matches!(what, Named::Protected(_)))
    })
}

/// A command that reads, writes, or cannot be told.
fn simple() -> impl Strategy<Value = String> {
    let commands = [
        "ls",
        "cat a",
        "touch a",
        "rm -rf src",
        "git commit -m x",
        "git push",
        "python x.py",
        "echo x > b",
        "sed -i s/a/b/ c",
        "git status",
        "echo $(rm d)",
        "cp a b",
        "mv a b",
        "true",
        "sort -o out in",
        "rm $x",
        "find . -name y",
        "find src -delete",
        "echo \"$(tee e)\"",
        "cat <(touch f)",
        "x=1",
        "tee a b",
    ];
    prop::sample::select(commands.to_vec()).prop_map(ToOwned::to_owned)
}

/// Something around a command that lets it run all the same.
fn wrapped(command: &str, how: usize) -> String {
    let quoted = format!("'{}'", command.replace('\'', "'\\''"));
    match how {
        0 => format!("({command})"),
        1 => format!("{{ {command}; }}"),
        2 => format!("sh -c {quoted}"),
        3 => format!("eval {quoted}"),
        4 => format!("true && {command}"),
        5 => format!("{command} | cat"),
        6 => format!("ls | {command}"),
        7 => format!("echo $({command})"),
        8 => format!("echo \"$({command})\""),
        9 => format!("if {command}; then ls; fi"),
        10 => format!("for i in 1 2; do {command}; done"),
        11 => format!("while {command}; do ls; done"),
        12 => format!("case x in x) {command};; esac"),
        13 => format!("ls; {command} & ls"),
        14 => format!("! {command}"),
        15 => format!("cat <<EOF\n$({command})\nEOF"),
        16 => format!("cat <({command})"),
        17 => format!("x=$({command})"),
        18 => format!("ls\n{command} # done"),
        19 => format!("bash -lc {quoted}"),
        _ => format!("timeout 5 sh -c {quoted}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nothing_around_a_command_makes_it_less_strict(command in simple(), how in prop::collection::vec(0usize..21, 1..4)) {
        let mut text = command.clone();
        for how in how {
            text = wrapped(&text, how);
        }
        let (before, after) = (named(&command), named(&text));
        prop_assert!(as_strict(&before, &after), "{command:?} does {before:?}, {text:?} does {after:?}");
    }

    #[test]
    fn a_command_beside_another_takes_nothing_from_it(a in simple(), b in simple(), join in prop::sample::select(vec![";", "&&", "||", "|", "\n", "&"])) {
        let both = named(&format!("{a} {join} {b}"));
        prop_assert!(as_strict(&named(&a), &both) && as_strict(&named(&b), &both));
    }

    #[test]
    fn a_wrapper_in_front_takes_nothing_away(command in simple(), wrapper in prop::sample::select(vec!["env", "env X=1", "nice", "nohup", "command", "timeout 5", "time", "exec", "stdbuf -oL"])) {
        prop_assume!(!command.starts_with("x="));
        let after = named(&format!("{wrapper} {command}"));
        prop_assert!(as_strict(&named(&command), &after));
    }

    #[test]
    fn quoting_letters_of_a_name_changes_nothing(at in 0usize..4, quote in prop::sample::select(vec!["'", "\"", "\\"])) {
        let name = "touch";
        let (before, rest) = name.split_at(at);
        let (letter, after) = rest.split_at(1);
        let text = match quote {
            "\\" => format!("{before}\\{letter}{after} a"),
            quote => format!("{before}{quote}{letter}{quote}{after} a"),
        };
        prop_assert_eq!(named(&text), named("touch a"));
    }

    #[test]
    fn a_writer_among_any_words_is_never_nothing(noise in "[a-z $'\"`|&;()<>{}\\[\\]*?~#\\\\\n]{0,24}") {
        // Behind anything that leaves the shell ready for a command.
        let text = format!("{noise}\nrm /home/alice/shop/x\n");
        let wrote = named(&text);
        let quoted = super::read::read(&format!("{noise}\n")).is_err();
        prop_assert!(quoted || !wrote.is_empty(), "{text:?}");
    }

    #[test]
    fn any_text_is_judged(text in "\\PC{0,80}|[ -~\n\t]{0,120}") {
        let _ = deeds(&text, setting());
    }
}

/// Pieces of commands of which bash makes something, or nothing. None of them does harm.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "'",
        "\"",
        "\\",
        "$(",
        ")",
        "`",
        ";",
        "&&",
        "||",
        "|",
        "\n",
        " ",
        "touch mark",
        "touch mark",
        "touch mark",
        "echo ",
        "a",
        "#",
        "{ ",
        "}",
        "((",
        "<<E\n",
        "\nE\n",
        "<<'E'\n",
        "<<-E\n",
        "$'",
        "${x:-",
        "${x#",
        "case x in x) ",
        ";; esac",
        "if true; then ",
        "; fi",
        "(",
        "f() ",
        "; f",
        "eval ",
        "sh -c ",
        "<(",
        ">(",
        "! ",
        "[[ ",
        " ]]",
        "$x",
        "~",
        "=",
        "x=",
        "for i in a; do ",
        "; done",
        "$((",
        "))",
        "\t",
        "<<<",
        "{a,b}",
        "*",
        "\\\n",
        "$",
        "\"$(",
        ")\"",
        " > ",
        "2>&1",
        "time ",
        "true ",
        "xargs ",
        "env ",
        "find . -exec ",
        " {} \\;",
        "printf %s ",
        "\\`",
        "\\\\",
        "${",
        "$\"",
        "|&",
        "x",
        "test ",
    ])
}

/// What a shell wrote into an empty folder, and what it said.
fn asked(text: &str) -> (Vec<std::ffi::OsString>, std::process::Output) {
    let folder = tempfile::tempdir().unwrap();
    let shell = std::process::Command::new(std::env::var("GATE_SHELL").unwrap_or_else(|_| "bash".to_owned()))
        .args(["-c", text])
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let written = std::fs::read_dir(folder.path()).unwrap();
    (written.map(|entry| entry.unwrap().file_name()).collect(), shell)
}

/// A command that reads and holds the text of one that writes, with some characters changed.
fn damaged() -> impl Strategy<Value = String> {
    let texts = vec![
        "echo 'touch mark'",
        "echo \"touch mark\"",
        "echo a # touch mark",
        "echo '$(touch mark)'",
        "echo \"\\$(touch mark)\"",
        "echo \\$\\(touch mark\\)",
        "cat <<'E'\n$(touch mark)\nE\n",
        "cat <<E\n; touch mark\nE\n",
        "cat <<-E\n\t`echo a`\n\ttouch mark\n\tE\n",
        "echo ${x:-touch mark}",
        "echo \"${x:-touch mark}\"",
        "echo $(echo 'touch mark')",
        "echo \"$(echo \"touch mark\")\"",
        "echo `echo touch mark`",
        "case 'touch mark' in touch) echo 1;; *) echo 2;; esac",
        "for i in touch mark; do echo $i; done",
        "if test -n 'touch mark'; then echo touch mark; fi",
        "[[ 'touch mark' == x ]] || echo touch mark",
        "{ echo touch mark; }",
        "(echo touch mark)",
        "x='touch mark'; echo $x",
        "x=touch echo mark",
        "sh -c 'echo touch mark'",
        "eval 'echo touch mark'",
        "echo touch\\; touch\\ mark",
        "grep 'touch mark' <<< x",
        "echo a | grep -c 'touch mark' | cat",
        "f() { echo touch mark; }",
        "awk 'BEGIN { print \"touch mark\" }'",
        "sed -n 's/x/touch mark/p' /dev/null",
        "echo $'touch mark'",
        "echo a 2>&1 # > mark",
        "find /dev/null -name 'touch mark'",
        "printf '%s' 'touch mark'",
        "echo {a} touch mark",
        "echo $((1 + 2)) touch mark",
        "xargs echo touch mark < /dev/null",
        "env echo touch mark",
        "diff <(echo touch mark) <(echo b)",
        "echo '>mark'",
        "echo \"`echo '>mark'`\"",
        "cat <<A <<'B'\n>mark\nA\n>mark\nB\n",
        "test a '>' mark",
        "[ a \\> mark ]",
        "echo a\\\n>/dev/null",
    ];
    let letters: Vec<char> = "'\"\\$()`;&|<>{}[]#!~=*?,. \n\tEx-".chars().collect();
    let change = (0.0f64..1.0, 0usize..3, prop::sample::select(letters));
    (
        prop::collection::vec(prop::sample::select(texts), 1..3),
        prop::collection::vec(change, 0..4),
    )
        .prop_map(|(texts, changes)| {
            let mut text: Vec<char> = texts.join("\n").chars().collect();
            for (at, how, c) in changes {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    clippy::cast_precision_loss,
                    reason = "a place in a short text"
                )]
                let at = (at * text.len() as f64) as usize;
                match how {
                    0 => text.insert(at, c),
                    1 if at < text.len() => text[at] = c,
                    _ if at < text.len() => {
                        text.remove(at);
                    }
                    _ => {}
                }
            }
            text.into_iter().collect()
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// The shell itself is asked: whatever it writes, in an empty folder, was not called reading.
    #[test]
    fn what_bash_writes_was_never_free(pieces in prop::collection::vec(piece(), 1..14)) {
        let text = pieces.concat();
        let free = deeds(&text, setting()).is_empty();
        // What is gated anyway proves nothing.
        if free {
            let (written, shell) = asked(&text);
            prop_assert!(written.is_empty(), "{:?} wrote {:?}, {:?}", text, written, shell);
        }
    }

    /// As above, for readings that speak of writing and are damaged somewhere.
    #[test]
    fn what_bash_writes_was_never_free_however_it_is_damaged(text in damaged()) {
        let free = deeds(&text, setting()).is_empty();
        if free {
            let (written, shell) = asked(&text);
            prop_assert!(written.is_empty(), "{text:?} wrote {written:?}, {shell:?}");
        }
    }

    /// Words that are told are those that bash sees.
    #[test]
    fn a_word_that_is_told_is_what_bash_makes_of_it(text in "[ab '\"\\\\#=}{,.$]{0,14}") {
        let command = format!("printf '%s\\n' x {text}");
        let Ok(parsed) = super::read::read(&command) else { return Ok(()) };
        let [list] = parsed.script.as_slice() else { return Ok(()) };
        let [stage] = list.first.0.as_slice() else { return Ok(()) };
        let super::syntax::Command::Simple { words, .. } = &stage.command else { return Ok(()) };
        let told: Option<Vec<&str>> = words.iter().map(|word| word.text()).collect();
        if let Some(told) = told {
            let shell = std::process::Command::new("bash").args(["--norc", "--noprofile", "-c", &command]).output().unwrap();
            let expected: String = told.iter().skip(2).map(|word| format!("{word}\n")).collect();
            prop_assert_eq!(String::from_utf8_lossy(&shell.stdout), expected, "{}", command);
        }
    }
}
