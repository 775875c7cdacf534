use delegation::WitnessToken;

fn main() {
    let _ = WitnessToken(String::new());
}
