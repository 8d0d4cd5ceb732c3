fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Exposes the cfg flags of the Ruby that the crate is built for.
    let _ = rb_sys_env::activate()?;
    Ok(())
}
