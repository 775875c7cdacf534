//! Lines that hold what is drawn and no secret: hashes, checksums, identifiers, images, and code about secrets.

use crate::samples::Draw;

/// So many lines, drawn from a seed.
pub(crate) fn lines(seed: u64, count: usize) -> String {
    let mut draw = Draw::new(seed);
    let mut text = String::new();
    for at in 0..count {
        text.push_str(
            &draw
                .fill(SHAPES[at % SHAPES.len()])
                .replace("<<", "{")
                .replace(">>", "}"),
        );
        text.push('\n');
    }
    text
}

const SHAPES: &[&str] = &[
    "commit {h40}",
    "index {h7}..{h7} 100644",
    "checksum = \"{h64}\"",
    "      \"integrity\": \"sha512-{b86}==\",",
    "      \"resolved\": \"https://registry.npmjs.org/left-pad/-/left-pad-1.3.0.tgz#{h40}\",",
    "    --hash=sha256:{h64} \\",
    "github.com/example/module v1.2.3 h1:{b43}=",
    "  digest: sha256:{h64}",
    "image: registry.example.org/app@sha256:{h64}",
    "assert_eq!(digest, \"{h64}\");",
    "const EXPECTED: &str = \"{h64}\";",
    "id: {h8}-{h4}-4{h3}-a{h3}-{h12}",
    "<<\"id\":\"{h8}-{h4}-7{h3}-b{h3}-{h12}\",\"seq\":{d4}>>",
    "wi_{h8}-{h4}-7{h3}-b{h3}-{h12} was approved",
    "background: url(data:image/png;base64,{b200}==);",
    "  \"data\": \"{b120}\",",
    "!function(e,t)<<\"object\"==typeof exports?module.exports=t():e.{l6}=t()>>(this,function()<<return {l3}.{l9}({h4})>>);",
    "//# sourceMappingURL=app.{h8}.js.map",
    "<link rel=\"stylesheet\" href=\"/assets/app-{w8}.css\" integrity=\"sha384-{b64}\">",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{b43} alice@example.org",
    "-----BEGIN CERTIFICATE-----",
    "MII{b61}",
    "-----END CERTIFICATE-----",
    "ETag: \"{h32}\"",
    "x-request-id: {h32}",
    "trace_id={h32} span_id={h16} msg=\"done\"",
    "    let token = tokens.next_token(&mut input)?;",
    "    password: Option<String>,",
    "    pub secret_key: SecretKey,",
    "  const << token, refreshToken >> = await auth.getTokens(userId);",
    "if password != confirm_password << return Err(PasswordMismatch); >>",
    "        api_key = os.environ[\"API_KEY\"]",
    "  token: $<<<< secrets.GITHUB_TOKEN >>>>",
    "  password: <<<< .Values.db.password >>>>",
    "DB_PASSWORD=$<<DB_PASSWORD:->>",
    "Bearer <token>",
    "Authorization: Bearer $TOKEN",
    "postgres://user:password@localhost:5432/test",
    "https://alice@example.org/path?key=value&token=",
    "token_count = {d6}, max_tokens: {d5},",
    "key: \"user.profile.displayName\",",
    "  secretName: app-tls-{d2}",
    "cache-key: v1-{l8}-{h8}",
    "keyboardEvent.key === \"ArrowLeft\"",
    "primary_key = \"order_line_items_pkey\"",
    "public_key = \"{h64}\"",
    "fingerprint: SHA256:{b43}",
    "blake3:{h64}  target/release/auditotter",
    "0x{h64}",
    "[{h8}] {l10} {l7} {l12}",
];
