use smol_str::SmolStr;

/// Error of a registration of definitions and migrations.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// This name and version is taken.
    #[error("definition `{0}` version {1} is registered twice")]
    Duplicate(SmolStr, u32),
    /// A migration leads to what is not registered.
    #[error("the migration of `{0}` leads to version {1}, which is not registered")]
    NoTarget(SmolStr, u32),
    /// A migration starts at a version that is registered, and so needs none.
    #[error("definition `{0}` version {1} is registered and runs as it is: it needs no migration")]
    Needless(SmolStr, u32),
    /// A migration renames a step to one that the target does not have, or from one that it does have.
    #[error(
        "the migration of `{definition}` can't rename `{from}` to `{to}`: the target has no `{to}`, or still has `{from}`"
    )]
    Rename {
        /// Name of the definition.
        definition: SmolStr,
        /// The old name.
        from: SmolStr,
        /// The new name.
        to: SmolStr,
    },
    /// A migration gives two old names to one step, and so does not say by which of them participants know it.
    #[error(
        "the migration of `{definition}` renames two steps to `{to}`, and participants know it by one name: declare \
         `{from}` with `renamed_meanwhile` if it was not the first"
    )]
    Ambiguous {
        /// Name of the definition.
        definition: SmolStr,
        /// The second old name.
        from: SmolStr,
        /// The new name.
        to: SmolStr,
    },
}
