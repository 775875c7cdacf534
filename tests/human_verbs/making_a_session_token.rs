use delegation::SessionToken;

fn main() {
    let _ = SessionToken(String::new());
}
