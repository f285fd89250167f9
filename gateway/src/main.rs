//! The binary `prefecture`. Everything is in the library; see `program` for the commands.

/// Requests are many short-lived allocations; the system's allocator took a sixth of the program's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    gateway::program::main()
}
