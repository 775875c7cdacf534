//! Labelled secrets in their surroundings, drawn from a seed: nothing here is, or was ever, a secret of anything.
//!
//! They are made here and not kept in files, for hosts of code refuse what looks like a secret.

#![allow(clippy::unwrap_used, clippy::panic, reason = "for tests and the bench alone")]

use std::{fs, path::Path};

/// A text, and the secrets in it.
pub(crate) struct Sample {
    pub(crate) kind: &'static str,
    /// Written before any rule was tried on it.
    pub(crate) held_out: bool,
    pub(crate) text: String,
    pub(crate) secret: String,
}

/// A file of this repository: no secrets of anybody's.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Draws from a seed (splitmix64).
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn of(&mut self, letters: &str, length: usize) -> String {
        let letters = letters.as_bytes();
        (0..length)
            .map(|_| char::from(letters[usize::try_from(self.next() % letters.len() as u64).unwrap()]))
            .collect()
    }

    /// Replaces `{h32}` by 32 hex digits, and so on.
    pub(crate) fn fill(&mut self, shape: &str) -> String {
        let mut out = String::new();
        let mut rest = shape;
        while let Some((before, after)) = rest.split_once('{') {
            let (field, after) = after.split_once('}').unwrap();
            out.push_str(before);
            let (letters, length) = match field.as_bytes()[0] {
                b'h' => ("0123456789abcdef", &field[1..]),
                b'H' => ("0123456789ABCDEF", &field[1..]),
                b'd' => ("0123456789", &field[1..]),
                b'l' => ("abcdefghijklmnopqrstuvwxyz", &field[1..]),
                b'a' => ("abcdefghijklmnopqrstuvwxyz0123456789", &field[1..]),
                b'A' => ("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", &field[1..]),
                b'w' => (
                    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
                    &field[1..],
                ),
                b'b' => (
                    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
                    &field[1..],
                ),
                b'u' => (
                    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
                    &field[1..],
                ),
                b'2' => ("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", &field[1..]),
                b's' => ("!#%*+-=?^~.", &field[1..]),
                other => panic!("no letters for {}", char::from(other)),
            };
            out.push_str(&self.of(letters, length.parse().unwrap()));
            rest = after;
        }
        out + rest
    }
}

/// Kind, shape of the secret, and texts in which `@@` is the secret.
type Kind = (&'static str, &'static str, &'static [&'static str]);

/// All samples: what was tuned on, and what was held out.
pub(crate) fn all(seed: u64) -> Vec<Sample> {
    let mut draw = Draw::new(seed);
    let known = KINDS.iter().map(|kind| (kind, false));
    let held_out = HELD_OUT.iter().map(|kind| (kind, true));
    let late = LATE.iter().map(|kind| (kind, true));
    let mut samples = Vec::new();
    for ((kind, shape, texts), held_out) in known.chain(held_out).chain(late) {
        for text in *texts {
            let secret = if *shape == "pem" {
                pem(&mut draw)
            } else {
                draw.fill(shape)
            };
            let text = if text.contains("\\n@@") {
                text.replace("\\n@@", &secret.replace('\n', "\\n"))
            } else {
                text.replace("@@", &secret)
            };
            samples.push(Sample {
                kind,
                held_out,
                text,
                secret,
            });
        }
    }
    samples
}

/// The body of a private key: what must not be seen of it.
fn pem(draw: &mut Draw) -> String {
    let mut lines: Vec<String> = (0..12).map(|_| draw.fill("{b64}")).collect();
    lines.push(draw.fill("{b39}="));
    lines.join("\n")
}

/// Every line of this repository that is written by hand or by a tool, up from this crate's folder.
pub(crate) fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut sources = Vec::new();
    gather(root, root, &mut sources);
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

fn gather(root: &Path, folder: &Path, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            // Rules, and what is said of them here, are made of what looks like secrets.
            if !name.starts_with('.') && !["target", "node_modules", "redaction"].contains(&name.as_str()) {
                gather(root, &path, sources);
            }
            continue;
        }
        let known = [
            ".rs",
            ".md",
            ".py",
            ".toml",
            ".lock",
            ".html",
            ".css",
            ".js",
            ".yml",
            ".sh",
            "package-lock.json",
        ];
        if known.iter().any(|end| name.ends_with(end))
            && let Ok(text) = fs::read_to_string(&path)
        {
            let path = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            sources.push(Source { path, text });
        }
    }
}

const KINDS: &[Kind] = &[
    (
        "aws access key",
        "AKIA{A16}",
        &[
            "AWS_ACCESS_KEY_ID=@@\nAWS_REGION=eu-central-1\n",
            "[default]\naws_access_key_id = @@\n",
            "-    key: \"@@\"\n+    key: \"${KEY}\"\n",
        ],
    ),
    (
        "aws secret key",
        "{b39}7",
        &[
            "AWS_SECRET_ACCESS_KEY=@@\n",
            "[default]\naws_secret_access_key = @@\nregion = eu-west-1\n",
            "  AWS_SECRET_ACCESS_KEY: \"@@\"\n",
            "{\"SecretAccessKey\": \"@@\", \"Expiration\": \"2026-01-01\"}",
        ],
    ),
    (
        "github pat",
        "ghp_{w36}",
        &[
            "git clone https://x-access-token:@@@github.com/example/repo.git",
            "$ export GITHUB_TOKEN=@@\n$ gh pr list\n",
            "curl -H 'Authorization: token @@' https://api.github.com/user",
            "the token is @@, please use it",
        ],
    ),
    (
        "github fine-grained pat",
        "github_pat_{w22}_{w59}",
        &["GH_TOKEN: @@", "const octokit = new Octokit({ auth: '@@' });"],
    ),
    (
        "gitlab pat",
        "glpat-{u20}",
        &[
            "PRIVATE-TOKEN: @@",
            "glab auth login --token @@",
            "variables:\n  CI_TOKEN: '@@'\n",
        ],
    ),
    (
        "slack bot token",
        "xoxb-{d12}-{d12}-{w24}",
        &[
            "SLACK_BOT_TOKEN=@@",
            "slack.WebClient(token=\"@@\")",
            "2026-01-01T00:00:00Z INFO connecting with @@",
        ],
    ),
    (
        "slack webhook",
        "{A9}/{A11}/{w24}",
        &[
            "curl -X POST https://hooks.slack.com/services/T@@ -d '{}'",
            "webhook: https://hooks.slack.com/services/T@@\n",
        ],
    ),
    (
        "stripe key",
        "sk_live_{w24}",
        &[
            "STRIPE_SECRET_KEY=@@",
            "stripe.api_key = \"@@\"",
            "{\"stripe\":{\"key\":\"@@\"}}",
        ],
    ),
    (
        "google api key",
        "AIza{u35}",
        &[
            "<script src=\"https://maps.googleapis.com/maps/api/js?key=@@\"></script>",
            "GOOGLE_API_KEY=@@\n",
            "apiKey: \"@@\",",
        ],
    ),
    (
        "npm token",
        "npm_{w36}",
        &[
            "//registry.npmjs.org/:_authToken=@@\n",
            "NPM_TOKEN=@@ npm publish",
        ],
    ),
    (
        "private key",
        "pem",
        &[
            "-----BEGIN RSA PRIVATE KEY-----\n@@\n-----END RSA PRIVATE KEY-----\n",
            "$ head -n 14 id_ed25519\n-----BEGIN OPENSSH PRIVATE KEY-----\n@@\n$ ls\n",
            "{\"private_key\": \"-----BEGIN PRIVATE KEY-----\\n@@\\n-----END PRIVATE KEY-----\\n\"}",
        ],
    ),
    (
        "json web token",
        "eyJ{w30}.eyJ{w80}.{u43}",
        &[
            "Authorization: Bearer @@\r\nHost: example.org\r\n",
            "id_token: @@\n",
            "localStorage.setItem('jwt', '@@')",
        ],
    ),
    (
        "password in an address",
        "{w6}%{w8}",
        &[
            "DATABASE_URL=postgres://alice:@@@db.internal:5432/app",
            "redis://:@@@cache:6379/0",
            "  url: \"mongodb+srv://bob:@@@cluster0.example.net/test\"",
            "amqps://svc:@@@mq.example.org",
        ],
    ),
    (
        "password setting",
        "{l4}{d2}{s1}{A3}{l3}",
        &[
            "DB_PASSWORD=@@\n",
            "spring.datasource.password=@@\n",
            "  password: \"@@\"\n",
            "{\"username\":\"alice\",\"password\":\"@@\"}",
            "ALTER USER alice WITH PASSWORD '@@';",
            "password = '@@'  # rotate\n",
        ],
    ),
    (
        "token setting",
        "{w32}",
        &[
            "API_TOKEN=@@\n",
            "auth_token: @@\n",
            "const accessToken = \"@@\";",
            "{\"refresh_token\":\"@@\",\"expires_in\":3600}",
            "+SESSION_SECRET='@@'\n",
        ],
    ),
    (
        "hex secret",
        "{h64}",
        &[
            "SECRET_KEY_BASE=@@\n",
            "JWT_SECRET=\"@@\"\n",
            "app.config['SECRET_KEY'] = '@@'\n",
        ],
    ),
    (
        "age secret key",
        "AGE-SECRET-KEY-1{258}",
        &["# public key: age1...\n@@\n", "SOPS_AGE_KEY=@@"],
    ),
    (
        "audit otter bearer",
        "Ep{u400}.{u43}",
        &[
            "$ auditotter-mcp bearer --agent claude\n@@\n",
            "{\"Authorization\":\"Bearer @@\"}",
            "curl -H \"Authorization: Bearer @@\" http://127.0.0.1:8443/mcp",
        ],
    ),
    (
        "basic header",
        "{w20}==",
        &[
            "Authorization: Basic @@\n",
            "curl -H 'Authorization: Basic @@' https://example.org",
            "headers = {\"Authorization\": \"Basic @@\"}",
        ],
    ),
    (
        "curl user",
        "{w10}-{w6}",
        &[
            "curl -u alice:@@ https://ci.example.org/api/json",
            "curl --user 'deploy:@@' -T app.tgz https://repo.example.org/",
        ],
    ),
    (
        "openai key",
        "sk-proj-{u74}T3BlbkFJ{u74}",
        &["OPENAI_API_KEY=@@", "client = OpenAI(api_key=\"@@\")"],
    ),
    (
        "anthropic key",
        "sk-ant-api03-{u93}AA",
        &[
            "ANTHROPIC_API_KEY=@@\n",
            "x-api-key: @@",
            "claude mcp add x -e ANTHROPIC_API_KEY=@@ -- npx x",
        ],
    ),
    (
        "azure storage",
        "{b86}==",
        &["DefaultEndpointsProtocol=https;AccountName=example;AccountKey=@@;EndpointSuffix=core.windows.net"],
    ),
    (
        "kubernetes secret",
        "{b40}",
        &["apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\ndata:\n  password: @@\n"],
    ),
    (
        "datadog key",
        "{h40}",
        &["datadog_app_key = \"@@\"", "DATADOG_APP_KEY=@@\n"],
    ),
];

const HELD_OUT: &[Kind] = &[
    (
        "sendgrid",
        "SG.{u22}.{u43}",
        &[
            "SENDGRID_API_KEY=@@\n",
            "sgMail.setApiKey('@@')",
            "Error: 401 for key @@ at line 3",
        ],
    ),
    (
        "twilio",
        "SK{h32}",
        &[
            "TWILIO_API_KEY=@@\n",
            "client = Client('@@', auth)",
            "  sid: @@\n",
        ],
    ),
    (
        "digitalocean",
        "dop_v1_{h64}",
        &["doctl auth init -t @@", "DIGITALOCEAN_TOKEN: \"@@\""],
    ),
    (
        "hugging face",
        "hf_{l34}",
        &["huggingface-cli login --token @@", "HF_TOKEN=@@"],
    ),
    (
        "pypi",
        "pypi-AgEIcHlwaS5vcmc{u120}",
        &[
            "twine upload -u __token__ -p @@ dist/*",
            "[pypi]\nusername = __token__\npassword = @@\n",
        ],
    ),
    (
        "rubygems",
        "rubygems_{h48}",
        &[":rubygems_api_key: @@\n", "GEM_HOST_API_KEY=@@ gem push"],
    ),
    (
        "shopify",
        "shpat_{h32}",
        &["X-Shopify-Access-Token: @@", "SHOPIFY_TOKEN=@@"],
    ),
    (
        "vault",
        "hvs.{u95}",
        &[
            "export VAULT_TOKEN=@@\n",
            "vault login @@",
            "token                @@\ntoken_accessor       x\n",
        ],
    ),
    (
        "terraform cloud",
        "{w14}.atlasv1.{u64}",
        &["credentials \"app.terraform.io\" {\n  token = \"@@\"\n}\n"],
    ),
    (
        "grafana",
        "glsa_{w32}_{h8}",
        &["GRAFANA_TOKEN=@@", "Authorization: Bearer @@"],
    ),
    (
        "telegram bot",
        "{d10}:A{u34}",
        &["TELEGRAM_BOT_TOKEN=@@\n", "https://api.telegram.org/bot@@/getMe"],
    ),
    (
        "discord webhook",
        "{u68}",
        &[
            "https://discord.com/api/webhooks/123456789012345678/@@",
            "DISCORD_BOT_TOKEN=@@\n",
        ],
    ),
    (
        "mailgun",
        "key-{h32}",
        &[
            "MAILGUN_API_KEY=@@\n",
            "curl -s --user 'api:@@' https://api.mailgun.net/v3",
        ],
    ),
    (
        "heroku",
        "{h8}-{h4}-4{h3}-a{h3}-{h12}",
        &["HEROKU_API_KEY=@@\n", "heroku_api_key: \"@@\""],
    ),
    (
        "cloudflare",
        "{u40}",
        &[
            "CLOUDFLARE_API_TOKEN=@@\n",
            "curl -H \"Authorization: Bearer @@\" https://api.cloudflare.com/client/v4/user",
        ],
    ),
    (
        "netrc",
        "{l5}{d3}{A4}",
        &[
            "machine git.example.org login alice password @@\n",
            "machine git.example.org\n  login alice\n  password @@\n",
        ],
    ),
    (
        "mysql on the command line",
        "{w10}!{d2}",
        &[
            "mysql -u root -p@@ -h db app",
            "mysqldump --user=root --password='@@' app > app.sql",
            "MYSQL_PWD=@@ mysql -u root",
        ],
    ),
    (
        "sshpass",
        "{w6}#{w6}",
        &[
            "sshpass -p '@@' ssh alice@host",
            "sshpass -p @@ scp f alice@host:",
        ],
    ),
    (
        "docker auth",
        "{w27}=",
        &["{\"auths\":{\"registry.example.org\":{\"auth\":\"@@\"}}}"],
    ),
    (
        "docker login",
        "{w20}",
        &[
            "docker login -u alice -p @@ registry.example.org",
            "echo @@ | docker login -u alice --password-stdin",
        ],
    ),
    (
        "password hash",
        "$2b$12${w53}",
        &["alice:@@\n", "INSERT INTO users VALUES (1, 'alice', '@@');"],
    ),
    (
        "sas url",
        "{b43}",
        &[
            "https://example.blob.core.windows.net/c/f?sv=2024-01-01&se=2026-01-01&sr=b&sp=r&sig=@@%3D",
            "blob: https://x.blob.core.windows.net/y?sp=r&sig=@@%3D&sv=2024\n",
        ],
    ),
    (
        "signed url",
        "{h64}",
        &["https://b.s3.amazonaws.com/k?X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature=@@"],
    ),
    (
        "json web key",
        "{u43}",
        &["{\"kty\":\"EC\",\"crv\":\"P-256\",\"d\":\"@@\",\"x\":\"a\",\"y\":\"b\"}"],
    ),
    (
        "session cookie",
        "{u48}",
        &[
            "Cookie: theme=dark; session=@@; lang=en",
            "Set-Cookie: connect.sid=s%3A@@; Path=/; HttpOnly",
            "curl -b 'sessionid=@@' https://example.org",
        ],
    ),
    (
        "encrypted private key",
        "pem",
        &[
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\n@@\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n@@\n=abcd\n-----END PGP PRIVATE KEY BLOCK-----\n",
            "+-----BEGIN EC PRIVATE KEY-----\n@@\n+-----END EC PRIVATE KEY-----\n",
        ],
    ),
    (
        "secret in xml",
        "{w8}${w8}",
        &[
            "<connectionString password=\"@@\" />",
            "<password>@@</password>",
            "<add key=\"ApiSecret\" value=\"@@\" />",
        ],
    ),
    (
        "secret in escaped json",
        "{w16}/{w8}",
        &[
            "{\"body\":\"{\\\"client_secret\\\":\\\"@@\\\"}\"}",
            "data: \"{\\\"token\\\": \\\"@@\\\"}\"",
        ],
    ),
    (
        "secret as option",
        "{w24}",
        &[
            "tool --api-key @@ run",
            "tool --client-secret=@@ run",
            "tool --token \"@@\" run",
            "[\"--password\", \"@@\"]",
        ],
    ),
    (
        "secret in code",
        "{w12}{s1}{w6}",
        &[
            "let client_secret = \"@@\";",
            "private static final String API_SECRET = \"@@\";",
            "os.environ[\"DB_PASSWORD\"] = \"@@\"",
            "password: str = \"@@\"",
            "$password = '@@';",
            "const PASSPHRASE: &str = \"@@\";",
        ],
    ),
    (
        "secret in prose",
        "{w10}!{d3}",
        &[
            "Use the password @@ for the staging database.",
            "the password is @@",
            "login with alice / password: @@ and try again",
            "my api token is \"@@\" please deploy",
        ],
    ),
    (
        "secret in a log",
        "{w40}",
        &[
            "2026-01-01 12:00:00 DEBUG request headers: {'X-Api-Key': '@@', 'Accept': '*/*'}",
            "level=debug msg=\"refreshing\" token=@@ user=alice",
            "  Running `API_KEY=@@ cargo run`",
        ],
    ),
    (
        "secret in a dockerfile",
        "{h40}",
        &[
            "ENV APP_SECRET @@\n",
            "ARG NPM_AUTH=@@\n",
            "RUN echo \"machine x password @@\" > ~/.netrc\n",
        ],
    ),
    (
        "secret in a diff",
        "{w28}",
        &[
            "diff --git a/.env b/.env\n--- a/.env\n+++ b/.env\n+API_TOKEN=@@\n",
            "-ACCESS_TOKEN=@@\n+ACCESS_TOKEN=\n",
            "+    \"apiSecret\": \"@@\",\n",
        ],
    ),
    (
        "query secret",
        "{w32}",
        &[
            "GET /v1/items?api_key=@@&page=2 HTTP/1.1",
            "https://example.org/callback?access_token=@@&state=1",
            "https://example.org/?client_secret=@@",
        ],
    ),
    (
        "oauth code client",
        "GOCSPX-{u28}",
        &["GOOGLE_CLIENT_SECRET=@@\n", "\"client_secret\":\"@@\","],
    ),
    (
        "firebase",
        "AAAA{u7}:APA91b{u134}",
        &["FCM_SERVER_KEY=@@\n", "Authorization: key=@@"],
    ),
    (
        "postman",
        "PMAK-{h24}-{h34}",
        &["X-Api-Key: @@", "postman login --with-api-key @@"],
    ),
    (
        "linear",
        "lin_api_{w40}",
        &["LINEAR_API_KEY=@@", "authorization: @@"],
    ),
    (
        "sentry",
        "sntryu_{h64}",
        &["SENTRY_AUTH_TOKEN=@@", "sentry-cli --auth-token @@ releases list"],
    ),
    (
        "putty key",
        "{b64}\n{b64}\n{b44}",
        &["PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nPrivate-Lines: 3\n@@\nPrivate-MAC: 00\n"],
    ),
];

/// Written after the rules were tuned on all above.
const LATE: &[Kind] = &[
    (
        "notion",
        "ntn_{w46}",
        &["NOTION_TOKEN=@@", "const notion = new Client({ auth: \"@@\" });"],
    ),
    (
        "supabase",
        "sbp_{h40}",
        &["SUPABASE_ACCESS_TOKEN=@@", "supabase login --token @@"],
    ),
    (
        "vercel",
        "{w24}",
        &["vercel --token @@ deploy --prod", "VERCEL_TOKEN: @@\n"],
    ),
    (
        "figma",
        "figd_{u40}",
        &[
            "X-Figma-Token: @@",
            "curl -H \"X-Figma-Token: @@\" https://api.figma.com/v1/me",
        ],
    ),
    (
        "smtp password",
        "{w12}{s1}{d2}",
        &[
            "SMTP_PASS=@@\n",
            "smtp_pass: '@@'",
            "smtps://mail.example.org\nMAIL_PASSWORD=@@",
        ],
    ),
    (
        "wireless passphrase",
        "{w16}!",
        &["wpa_passphrase=@@\n", "network={\n  ssid=\"x\"\n  psk=\"@@\"\n}"],
    ),
    (
        "jenkins token",
        "11{h32}",
        &["curl -X POST --user bob:@@ https://jenkins.example.org/job/x/build"],
    ),
    (
        "php configuration",
        "{w18}",
        &["define('DB_PASSWORD', '@@');", "    'password' => '@@',"],
    ),
    (
        "java properties",
        "{w10}{d2}",
        &["jdbc.password=@@\n", "spring.mail.password: @@\n"],
    ),
    (
        "powershell",
        "{w20}{s1}",
        &[
            "$env:API_KEY = \"@@\"",
            "ConvertTo-SecureString '@@' -AsPlainText -Force",
        ],
    ),
    (
        "traceback",
        "{w14}{s1}",
        &[
            "  File \"x.py\", line 3, in connect\n    connect(host='db', password='@@')\n",
            "psycopg2.OperationalError: dsn: host=db user=alice password=@@ dbname=x",
        ],
    ),
    (
        "terraform variable",
        "{w20}",
        &["variable \"db_password\" {\n  default = \"@@\"\n}\n"],
    ),
    ("table of passwords", "{w12}{s1}", &["name,password\nalice,@@\n"]),
    (
        "struct literal",
        "{w16}{s1}",
        &[
            "cfg := Config{Password: \"@@\", Host: \"db\"}",
            "Credentials { user: \"alice\", secret: \"@@\".into() }",
        ],
    ),
    (
        "form field",
        "{w32}",
        &["<input type=\"hidden\" name=\"access_token\" value=\"@@\">"],
    ),
];
