//! What somebody types who wants to write and not be seen.

use super::{changes, check};
use crate::shell::{
    laws::setting,
    read::{MAX_DEPTH, read},
};

#[test]
fn what_is_hidden_in_words_is_found() {
    check(&[
        ("echo x$(rm -rf src)", "src/**"),
        ("echo \"$(rm src/a)\"", "src/a"),
        ("echo `rm src/a`", "src/a"),
        ("echo \"`rm src/a`\"", "src/a"),
        ("echo `echo \\`rm src/a\\``", "src/a"),
        ("echo ${x:-$(rm src/a)}", "src/a"),
        ("echo \"${x:-`rm src/a`}\"", "src/a"),
        ("x=$(rm src/a)", "src/a"),
        ("x=`rm src/a` ls", "src/a"),
        ("ls > $(rm src/a; echo /dev/null)", "? src/a"),
        ("cat < $(rm src/a)", "src/a"),
        ("cat <<< $(rm src/a)", "src/a"),
        ("cat <<EOF\n$(rm src/a)\nEOF", "src/a"),
        ("cat <<EOF\n`rm src/a`\nEOF", "src/a"),
        ("cat <<-EOF\n\tx\n\tEOF\nrm src/a", "src/a"),
        ("cat <<'EOF' && rm src/a\nx\nEOF", "src/a"),
        ("cat <<A <<B\nx\nA\ny\nB\nrm src/a", "src/a"),
        ("cat <(rm src/a)", "src/a"),
        ("case $(rm src/a) in x) ls;; esac", "src/a"),
        ("for x in $(rm src/a); do ls; done", "src/a"),
        ("[[ -n $(rm src/a) ]]", "src/a"),
        ("while rm src/a; do ls; done", "src/a"),
        ("if ls; then pwd; elif rm src/a; then ls; fi", "src/a"),
        ("until rm src/a; do :; done", "src/a"),
        ("ls\nrm src/a", "src/a"),
        ("ls & rm src/a", "src/a"),
        ("ls || rm src/a", "src/a"),
        ("ls | rm src/a", "src/a"),
        ("! rm src/a", "src/a"),
        ("{ rm src/a; }", "src/a"),
        ("f() { rm src/a; }", "?"),
        ("f() { rm /home/alice/shop/src/a; }; f; touch b", "? src/a"),
        ("function f { rm /home/alice/shop/src/a; }", "src/a"),
        ("ls#x; rm src/a", "? src/a"),
        ("ls \\# ; rm src/a", "src/a"),
        ("echo 'a'\\''b'; rm src/a", "src/a"),
        ("echo \"a\\\"; rm x\"; rm src/a", "src/a"),
    ]);
}

#[test]
fn a_name_written_oddly_is_the_same_name_or_unknown() {
    check(&[
        ("\"r\"m src/a", "src/a"),
        ("\\rm src/a", "src/a"),
        ("r\\m src/a", "src/a"),
        ("'rm' src/a", "src/a"),
        ("r'm' src/a", "src/a"),
        ("r\\\nm src/a", "src/a"),
        ("$'\\x72m' src/a", "?"),
        ("$'rm' src/a", "src/a"),
        ("$\"rm\" src/a", "?"),
        ("$(echo rm) src/a", "?"),
        ("$x src/a", "?"),
        ("${x} src/a", "?"),
        ("r$x src/a", "?"),
        ("r? src/a", "?"),
        ("r{m,x} src/a", "?"),
        ("{rm,src/a}", "?"),
        ("~/x src/a", "?"),
        ("=rm src/a", "?"),
        ("/tmp/ls", "?"),
        ("./ls", "?"),
        ("RM src/a", "?"),
        ("\u{433}m src/a", "?"),
        ("c\u{430}t a", "?"),
        ("ca\u{200b}t a", "?"),
        ("if\\\n true; then ls; fi", "?"),
        ("\"if\" true", "?"),
    ]);
}

#[test]
fn what_makes_a_reader_write_or_run_is_seen() {
    check(&[
        ("alias ls=rm", "?"),
        ("ls() { rm /home/alice/shop/src/a; }; ls", "src/a"),
        ("cat() { \"$@\"; }; cat rm src/a", "?"),
        ("PATH=/tmp:$PATH ls", "?"),
        ("PATH=/tmp; ls", "?"),
        ("path=/tmp; ls", "?"),
        ("export PATH=/tmp; ls", "?"),
        ("env PATH=/tmp ls", "?"),
        ("LD_PRELOAD=/tmp/x.so ls", "?"),
        ("GIT_EXTERNAL_DIFF=/tmp/x git diff", "?"),
        ("GIT_PAGER='rm x' git log", "?"),
        ("PAGER=/tmp/x git log", "?"),
        ("IFS=x; ls", "?"),
        ("BASH_ENV=/tmp/x sh -c ls", "?"),
        ("read PATH < x; ls", "?"),
        ("for PATH in /tmp; do ls; done", "?"),
        ("git -c alias.st='!rm -rf .' st", "?"),
        ("git -c core.pager='rm x' log", "?"),
        ("git --exec-path=/tmp status", "?"),
        ("git --git-dir=/tmp/x status", "?"),
        ("git -C /tmp/evil status", "?"),
        ("cd /tmp/evil && git status", "?"),
        ("cd \"$x\" && git status", "?"),
        ("git st", "?"),
        ("git diff --output=src/a", "?"),
        ("git diff --outp=src/a", "?"),
        ("git diff --ext-diff", "?"),
        ("git diff $x", "?"),
        ("git log \"$x\"", "?"),
        ("git grep -Orm foo", "?"),
        ("git grep --open-files-in-pager=rm foo", "?"),
        ("git fetch --upload-pack=/tmp/x origin", "?"),
        ("git fetch 'ext::sh -c rm% x'", "?"),
        ("git push --receive-pack=/tmp/x", "? push"),
        ("git config core.hooksPath /tmp", "!"),
        ("git config --global alias.st '!rm x'", "!"),
        ("git config get user.name", "-"),
        ("rg --pre /tmp/x foo", "?"),
        ("rg --pre=/tmp/x foo", "?"),
        ("rg $x", "?"),
        ("grep $x a", "-"),
        ("sort *", "?"),
        ("sort ./*", "-"),
        ("sort --compress-program=/tmp/x a", "?"),
        ("sort -o$x a", "?"),
        ("fd -x rm", "?"),
        ("fd . -X rm", "?"),
        ("find . -exec rm {} +", "!"),
        ("find . -delete", "!"),
        ("find . -name '*.toml' -exec rm {} +", "!"),
        ("find . -execdir rm {} +", "?"),
        ("find . $x", "?"),
        ("find $x -name a", "?"),
        ("find . -name x* -print", "?"),
        ("find src -exec sh -c 'rm {}' \\;", "?"),
        ("find src -ok rm {} \\;", "src/**"),
        ("ls | xargs rm", "?"),
        ("ls | xargs -I{} rm {}", "?"),
        ("ls | xargs -I% sh -c 'cat %'", "?"),
        ("ls | xargs", "-"),
        ("ls | xargs sed -n 1p", "?"),
        ("ls | xargs cat", "-"),
        ("sed -n 'w src/a' b", "?"),
        ("sed 's/a/b/w src/a' b", "?"),
        ("sed 's/a/rm x/e' b", "?"),
        ("sed 1e b", "?"),
        ("sed -f x b", "?"),
        ("sed -i.bak 's/a/b/' src/a", "?"),
        ("sed $x b", "?"),
        ("awk 'BEGIN{system(\"rm x\")}'", "?"),
        ("awk '{print > \"src/a\"}' b", "?"),
        ("awk '{print | \"sh\"}' b", "?"),
        ("awk -f x b", "?"),
        ("awk -i inplace '{print}' b", "?"),
        ("less +!rm a", "?"),
        ("less -o out a", "?"),
        ("man -P rm ls", "?"),
        ("file -C -m x", "?"),
        ("date -s x", "?"),
        ("date 010100002030", "?"),
        ("printf -v x y", "?"),
        ("printf '%d' 'a[$(rm x)]'", "?"),
        ("mapfile x < a", "?"),
        ("trap 'rm x' EXIT", "?"),
        ("source ./x", "?"),
        (". ./x", "?"),
        ("eval $x", "?"),
        ("eval 'rm src/a'", "src/a"),
        ("eval \"eval 'rm src/a'\"", "src/a"),
        ("sh -c \"$x\"", "?"),
        ("bash -ic ls", "?"),
        ("bash --rcfile x -c ls", "?"),
        ("sudo ls", "?"),
        ("env -S 'rm x'", "?"),
        ("exec -a x ls", "?"),
        ("sh -c '[[ x > src/a ]]'", "?"),
        ("sh -c '[[ x && rm src/a ]]'", "?"),
        ("[[ x\nrm src/a ]]", "?"),
        ("sh -c \"echo \\$'\\\\'; rm src/a; echo \\\\''\"", "?"),
        ("[[ $x -eq 1 ]]", "?"),
        ("[[ 'a[$(rm x)]' -eq 1 ]]", "?"),
        ("test -v 'a[$(rm x)]'", "?"),
        ("x='a[$(rm x)]'; echo $x", "?"),
        ("echo $((x))", "?"),
        ("echo $((a[$(rm x)]))", "?"),
        ("((x))", "?"),
        ("let x=1", "?"),
        ("echo ${!x}", "?"),
        ("echo ${x@P}", "?"),
        ("echo ${(e)x}", "?"),
        ("echo *(e:'rm x':)", "?"),
        ("a=(1 2)", "?"),
        ("aliases[ls]=rm; ls", "?"),
        ("builtin cd /tmp; touch a", "? a"),
        ("command cd src", "?"),
        ("enable -f x y", "?"),
        ("shopt -s dotglob", "?"),
        ("set -o posix", "?"),
        ("coproc rm x", "?"),
        ("select x in a; do ls; done", "?"),
        ("curl -s -o- https://x", "-"),
        ("curl --output-dir src -O https://x", "?"),
        ("curl --cookie-jar src/a https://x", "src/a"),
        ("base64 -o src/a b", "?"),
        ("tree -o $x", "?"),
        ("gh api -X POST x", "?"),
        ("gh alias set x y", "?"),
        ("ls | sh", "?"),
        ("ls >! src/a", "?"),
        ("ls >&| src/a", "?"),
        ("ls &| cat", "?"),
        ("curl -w '%output{src/a}' https://x", "?"),
        ("curl -w @x https://x", "?"),
        ("curl -T a file:///home/alice/shop/src/a", "?"),
        ("git reflog show --output=src/a", "?"),
        ("gh pr view -cw", "?"),
        ("read -t 'a[$(rm x)]' y", "?"),
        ("exit 'a[$(rm x)]'", "?"),
        ("READNULLCMD=sh; < x", "?"),
    ]);
}

#[test]
fn a_target_that_is_not_told_may_be_anything() {
    let many: String = (0..1_100).map(|number| format!(" src/{number}")).collect();
    assert!(
        changes(&format!("touch{many}")).contains("unnameable"),
        "no path hides among others"
    );
    check(&[
        ("rm $x", "?"),
        ("rm \"$x\"", "?"),
        ("rm src/$x", "?"),
        ("rm \"src/$x\"", "?"),
        ("rm src/{a,b}", "?"),
        ("rm src/{1..3}", "?"),
        ("rm src/*/../../x", "?"),
        ("rm .*", "?"),
        ("rm src/.*", "?"),
        ("rm ~bob/x", "?"),
        ("rm -$x", "?"),
        ("echo x > $f", "?"),
        ("echo x > src/$(date)", "?"),
        ("cd $x && rm a", "?"),
        ("cd - && rm a", "?"),
        ("cd && rm a", "?"),
        ("pushd src; rm a", "?"),
        ("for d in a b; do cd $d; rm x; done", "?"),
        ("for d in a b; do rm x; cd d; done", "? x"),
        ("echo | cd src; touch a", "a src/a"),
        ("cp $x src", "?"),
        ("cp -rt $x a", "?"),
        ("dd of=~/shop/x", "?"),
        ("dd \"of=$x\"", "?"),
        ("tee $(echo a)", "?"),
        ("chmod -x a", "?"),
        ("touch =ls", "?"),
    ]);
}

#[test]
fn what_guards_the_gate_is_never_written() {
    check(&[
        ("echo x > .auditotter/policy.toml", "!"),
        ("rm -rf .auditotter", "!"),
        ("rm -rf .", "!"),
        ("rm -rf ..", "!"),
        ("rm -rf /", "!"),
        ("rm -rf ~", "!"),
        ("mv .auditotter x", "! x"),
        ("cd .auditotter && touch policy.toml", "!"),
        ("touch src/../.auditotter/policy.toml", "!"),
        ("touch .AuditOtter/policy.toml", "!"),
        ("touch .audit\u{200c}otter/policy.toml", "!"),
        ("touch .g\u{200c}it/config", "!"),
        ("touch .GIT/hooks/pre-commit", "!"),
        ("touch .\u{ff47}it/config", "!"),
        ("touch sub/.git/hooks/x", "!"),
        ("touch .git/hooks/pre-commit", "!"),
        ("touch .claude/settings.json", "!"),
        ("touch .claude/settings.local.json", "!"),
        ("touch .claude/skills/x.md", ".claude/skills/x.md"),
        ("touch .codex/config.toml", "!"),
        ("touch .mcp.json", "!"),
        ("touch ~/.claude/settings.json", "!"),
        ("touch ~/.claude.json", "!"),
        ("touch ~/.codex/config.toml", "!"),
        ("touch ~/.gitconfig", "!"),
        ("touch ~/.bashrc", "!"),
        ("touch ~/.local/share/auditotter/x", "!"),
        ("touch ~/bin/ls", "!"),
        ("touch /usr/local/bin/ls", "!"),
        ("touch /etc/x", "!"),
        ("ls > /dev/sda", "!"),
        ("python x.py .auditotter/policy.toml", "! ?"),
        ("foo --config=.git/config", "! ?"),
        ("foo gate-link", "! ?"),
        ("python -c 'open(\".auditotter/policy.toml\", \"w\")'", "! ?"),
        ("python - <<'EOF'\nopen('.git/hooks/x', 'w')\nEOF", "! ?"),
        ("echo $(( > .auditotter/policy.toml", "! ?"),
        ("/usr/bin/python3 x.py", "?"),
        ("git commit -m 'speak of .auditotter/policy.toml'", "commit"),
        ("cat .auditotter/policy.toml", "-"),
        ("touch gate-link/policy.toml", "!"),
    ]);
}

#[test]
fn what_is_no_command_cannot_be_told() {
    for odd in ["", "   ", "\n\n", "# only this"] {
        assert_eq!(changes(odd), "-", "{odd:?}");
    }
    for odd in [
        "'",
        "\"",
        "`",
        "$(",
        "${",
        "(",
        ")",
        "{ ls",
        "}",
        "ls;;",
        "ls | | cat",
        "| ls",
        "&& ls",
        "ls &&",
        ">",
        "ls >",
        "if",
        "if ls; then",
        "fi",
        "do",
        "done",
        "case x in",
        "for",
        "for x in",
        "cat <<EOF",
        "cat <<EOF\nx",
        "cat <<",
        "ls\0",
        "ls\r\nrm x",
        "ls \u{1b}[2J",
        "\\",
        "ls 'a",
        "echo ${x",
        "echo $[1]",
        "f(",
        "f()",
        "f() ls",
        "function",
        "[[ x",
        "[[ ( x ) ]]",
        "a b()",
        "ls (x)",
        "<<E$[\t\t",
        "$(<<E\n)",
    ] {
        assert_eq!(changes(odd), "?", "{odd:?}");
    }
}

#[test]
fn what_is_huge_or_deep_is_refused_in_time() {
    let begun = std::time::Instant::now();
    let mib = "a".repeat(1 << 20);
    assert_eq!(changes(&format!("ls {mib}")), "?");
    for open in [
        "(",
        "$(",
        "{ ",
        "`",
        "\"$(",
        "${x:-",
        "$((",
        "<(",
        "if ",
        "while ",
        "case x in x) ",
        "! ",
        "f() {",
        "[[ ",
        "echo $(",
        "a=$(",
        "<<E$[",
        "[",
        "{",
        "{a",
        "~",
        "*",
        "\\",
        "sh -c '",
        "eval ",
        "env ",
        "xargs ",
        "find . -exec ",
        "<<A ",
        "cat <<A\n",
        "| ",
        "&& ",
        ";",
        "\n",
        "time ",
        "nice ",
    ] {
        let text: String = open
            .chars()
            .cycle()
            .take(60_000 / open.len() * open.chars().count())
            .collect();
        let _ = changes(&text);
    }
    for (open, close) in [
        ("(", ")"),
        ("$(", ")"),
        ("{ ", ";}"),
        ("\"$(", ")\""),
        ("${x:-", "}"),
        ("if ls; then ", "; fi"),
    ] {
        let text = |depth: usize| format!("echo {}ls{}", open.repeat(depth), close.repeat(depth));
        assert!(read(&text(3_000)).is_err(), "{open}");
    }
    let groups = |depth: usize| format!("{}ls;{}", "{ ".repeat(depth), "};".repeat(depth));
    assert_eq!(changes(&groups(MAX_DEPTH)), "-");
    assert_eq!(changes(&groups(MAX_DEPTH + 1)), "?");
    // Ten seconds for all of them together, unoptimized and on a busy machine: what is exponential takes years.
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}

#[test]
fn what_is_not_read_by_a_shell_is_taken_word_by_word() {
    let words = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let deeds = crate::shell::deeds_of_words(&words, setting());
        let whats = deeds.into_iter().map(|deed| deed.what);
        whats
            .filter(|what| !matches!(what, crate::shell::Named::Mentioned(_)))
            .collect::<Vec<_>>()
    };
    assert_eq!(words(&["echo", "$(rm x)", ";", "rm", "x"]), []);
    assert_eq!(words(&["bash", "-lc", "ls; cat a"]), []);
    assert_eq!(words(&["bash", "-lc", "rm x"]).len(), 1);
    assert_eq!(words(&["rm", "*"]).len(), 1, "no shell expands it");
    assert_eq!(words(&["python", "-c", "1"]).len(), 1);
}
