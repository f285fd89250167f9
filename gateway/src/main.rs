//! The binary `prefecture`. Everything is in the library; see `program` for the commands.

fn main() -> std::process::ExitCode {
    gateway::program::main()
}
