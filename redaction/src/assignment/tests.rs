use super::*;

fn found(text: &str) -> Option<&str> {
    let small = text.to_ascii_lowercase();
    NAMES.iter().find_map(|name| {
        small
            .match_indices(name)
            .find_map(|(at, name)| find(text.as_bytes(), at..at + name.len()))
            .map(|span| &text[span])
    })
}

#[test]
fn values_of_secret_names_are_found_however_they_are_assigned() {
    for text in [
        "DB_PASSWORD=p@5s!w0rd#24",
        "export API_TOKEN='p@5s!w0rd#24'",
        "  password: p@5s!w0rd#24",
        r#"{"clientSecret": "p@5s!w0rd#24"}"#,
        r#"{\"clientSecret\":\"p@5s!w0rd#24\"}"#,
        r#"const TOKEN: &'static str = "p@5s!w0rd#24";"#,
        r#"config["secret_key"] = "p@5s!w0rd#24""#,
        r#"setdefault("PASSWORD", "p@5s!w0rd#24")"#,
        "psql --password p@5s!w0rd#24 -h db",
        "psql --password=p@5s!w0rd#24 -h db",
        "<password>p@5s!w0rd#24</password>",
        "GET /x?a=b&access_token=p@5s!w0rd#24&c=d",
        "password := `p@5s!w0rd#24`",
        "+  auth_token: p@5s!w0rd#24",
    ] {
        assert_eq!(found(text), Some("p@5s!w0rd#24"), "{text}");
    }
}

#[test]
fn what_is_code_or_stands_for_something_is_not_found() {
    for text in [
        "let token = self.tokens.next_token2();",
        "let token = request_token2",
        "password: String,",
        "password = get_password(user1)",
        "password = ${DB_PASSWORD_1}",
        "password = \"$DB_PASSWORD_1\"",
        "password = \"<your-password-1>\"",
        "token_type = \"Bearer-2024-XyZ\"",
        "tokenizer = \"cl100k_base\"",
        "secret_name: \"Prod-2024-db\"",
        "token = \"550e8400-e29b-41d4-a716-446655440000\"",
        "secret = \"/var/lib/app/secret.v1.pem\"",
        "the token is read twice",
        "passwordless = \"aB3$efgh12\"",
        "    Token: PULONG64,",
        "32 => ConnectionTrafficSecrets::Aes256Gcm { key, iv },",
        "[`Pair::tokens`]: struct.Pair1.html#method.tokens",
    ] {
        assert_eq!(found(text), None, "{text}");
    }
}
