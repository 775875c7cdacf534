//! The rules that hold when a repository says nothing: what is risky wherever it stands.

use vocabulary::Risk;

struct Concern {
    risk: Risk,
    label: &'static str,
    /// Words that tell by themselves, as the name of a folder or a file, or as its first or last part.
    names: &'static [&'static str],
    globs: &'static [&'static str],
}

pub(super) fn rules() -> impl Iterator<Item = (String, Risk, String)> {
    CONCERNS.iter().flat_map(|concern| {
        let named = concern.names.iter().flat_map(|name| {
            [
                format!("**/{name}/**"),
                format!("**/{name}.*"),
                format!("**/{name}[_-]*/**"),
                format!("**/{name}[_-]*"),
                format!("**/*[_-]{name}.*"),
            ]
        });
        named
            .chain(concern.globs.iter().map(|glob| (*glob).to_owned()))
            .map(|glob| (glob, concern.risk, concern.label.to_owned()))
    })
}

const CONCERNS: &[Concern] = &[
    Concern {
        risk: Risk::Critical,
        label: "private keys and secrets",
        names: &[],
        #[rustfmt::skip]
        globs: &[
            "**/*.pem", "**/*.key", "**/*.p12", "**/*.pfx", "**/*.jks", "**/*.keystore", "**/id_rsa*",
            "**/id_ecdsa*", "**/id_ed25519*", "**/.ssh/**", "**/.aws/**", "**/.netrc", "**/secrets/**",
            "**/secrets.{yml,yaml,json,toml,env}", "**/credentials", "**/credentials.{yml,yaml,json,toml,enc,yml.enc}",
            // Not .env.example and the like, which are made to be read.
            "**/.env", "**/.env.local", "**/.env.*.local", "**/.env.{dev,development,test,stage,staging,prod,production}",
        ],
    },
    Concern {
        risk: Risk::High,
        label: "authentication",
        #[rustfmt::skip]
        names: &[
            "auth", "authn", "authentication", "login", "signin", "oauth", "oauth2", "oidc", "sso", "saml", "jwt",
            "passkey", "passkeys", "webauthn", "mfa", "totp",
        ],
        globs: &["**/{auth,login,oauth}{controller,service,provider,middleware,guard,handler}*"],
    },
    Concern {
        risk: Risk::High,
        label: "authorization",
        names: &[
            "authz",
            "authorization",
            "permission",
            "permissions",
            "iam",
            "rbac",
            "acl",
        ],
        globs: &["**/policies/**"],
    },
    Concern {
        risk: Risk::High,
        label: "cryptography",
        names: &["crypto", "cryptography", "encryption", "tls"],
        globs: &[],
    },
    Concern {
        risk: Risk::High,
        label: "payments",
        names: &["payment", "payments", "billing", "checkout", "payout", "payouts"],
        globs: &["**/invoices/**"],
    },
    Concern {
        risk: Risk::High,
        label: "database migrations",
        names: &[],
        globs: &["**/migrations/**", "**/migration/**", "**/migrate/**", "**/*.sql"],
    },
    Concern {
        risk: Risk::High,
        label: "build and release pipeline",
        names: &[],
        #[rustfmt::skip]
        globs: &[
            ".github/workflows/**", ".github/actions/**", "**/codeowners", ".gitlab-ci.yml", ".gitlab/**",
            ".circleci/**", ".buildkite/**", ".ci/**", "**/jenkinsfile", "azure-pipelines.yml",
            "bitbucket-pipelines.yml", "cloudbuild.yaml", ".travis.yml", ".drone.yml", ".goreleaser.*",
        ],
    },
    Concern {
        risk: Risk::High,
        label: "infrastructure",
        names: &[],
        #[rustfmt::skip]
        globs: &[
            "**/*.tf", "**/*.tfvars", "**/*.bicep", "**/terraform/**", "**/infra/**", "**/infrastructure/**",
            "**/k8s/**", "**/kubernetes/**", "**/helm/**", "**/ansible/**", "**/pulumi/**", "**/cloudformation/**",
        ],
    },
    Concern {
        risk: Risk::High,
        label: "what guards the work of agents",
        names: &[],
        #[rustfmt::skip]
        globs: &[
            ".auditotter/**", "**/.claude/**", "**/.codex/**", "**/.cursor/**", "**/.agents/**", "**/claude.md",
            "**/agents.md", "**/.mcp.json", ".github/copilot-instructions.md",
        ],
    },
    Concern {
        risk: Risk::Medium,
        label: "what runs on developers' machines",
        names: &[],
        #[rustfmt::skip]
        globs: &[
            ".husky/**", ".githooks/**", ".pre-commit-config.yaml", "lefthook.yml", ".vscode/tasks.json",
            ".devcontainer/**", "**/build.rs", "**/setup.py", "**/makefile",
        ],
    },
    Concern {
        risk: Risk::Medium,
        label: "containers",
        names: &[],
        #[rustfmt::skip]
        globs: &[
            "**/dockerfile", "**/dockerfile.*", "**/*.dockerfile", "**/containerfile",
            "**/docker-compose*.{yml,yaml}", "**/compose.{yml,yaml}",
        ],
    },
    Concern {
        risk: Risk::Medium,
        label: "dependencies",
        names: &[],
        #[rustfmt::skip]
        globs: &[
            "**/cargo.toml", "**/cargo.lock", "**/package.json", "**/package-lock.json", "**/npm-shrinkwrap.json",
            "**/pnpm-lock.yaml", "**/yarn.lock", "**/bun.lock", "**/bun.lockb", "**/.npmrc", "**/deno.{json,lock}",
            "**/go.mod", "**/go.sum", "**/requirements*.txt", "**/pyproject.toml", "**/poetry.lock", "**/uv.lock",
            "**/pipfile", "**/pipfile.lock", "**/gemfile", "**/gemfile.lock", "**/composer.{json,lock}",
            "**/mix.{exs,lock}", "**/pom.xml", "**/build.gradle*", "**/*.csproj", "**/package.swift",
        ],
    },
    Concern {
        risk: Risk::Medium,
        label: "configuration",
        names: &[],
        globs: &["config/**", "**/.env.*", "**/nginx/**", "**/nginx.conf"],
    },
];
