//! Sets of the extensions that a processor may have.

/// Defines a set of extensions, and the table of them.
///
/// A row is `"Doc." ID "name" [NEEDS ...]: columns, ...;`. Of each row there is a constant `ID` of the
/// set, and an entry of the table: what the entry type's `new(set, name, needs, columns, ...)` makes of
/// it. The entry type belongs to the guest; it has the fields `set` and `needs`.
#[macro_export]
macro_rules! extensions {
    (
        $set:ident($bits:ty), $table:ident: $entry:ident;
        $($doc:literal $id:ident $name:literal [$($need:ident)*]: $($column:expr),*;)*
    ) => {
        /// A set of extensions.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct $set($bits);

        #[expect(clippy::upper_case_acronyms, reason = "the manual's names")]
        enum Number { $($id),* }

        impl $set {
            $(
                #[doc = $doc]
                pub const $id: Self = Self(1 << Number::$id as u32);
            )*
            /// No extension.
            pub const NONE: Self = Self(0);
            /// Every extension that there is.
            pub const ALL: Self = Self(<$bits>::MAX >> (<$bits>::BITS as usize - $table.len()));
            /// Whether all of `other` are there.
            #[inline]
            pub const fn has(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }
            /// With those of `other`.
            pub const fn with(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
            /// Without those of `other`.
            pub const fn without(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }
            /// Those of any of `sets`.
            pub const fn all<const N: usize>(sets: [Self; N]) -> Self {
                let (mut all, mut n) = (Self::NONE, 0);
                while n < N {
                    all = all.with(sets[n]);
                    n += 1;
                }
                all
            }
            /// The table's entries of those that are there.
            pub fn iter(self) -> impl Iterator<Item = $entry> {
                $table.into_iter().filter(move |f| self.has(f.set))
            }
            /// With what they need.
            #[must_use]
            pub fn closed(self) -> Self {
                let more = self.iter().fold(self, |set, f| set.with(f.needs));
                if more == self { self } else { more.closed() }
            }
            /// Without those of `gone` and all that need one of them.
            #[must_use]
            pub fn stripped(self, gone: Self) -> Self {
                let rest = self.without(gone);
                let orphans = rest.iter().filter(|f| !rest.has(f.needs));
                let orphans = orphans.fold(Self::NONE, |set, f| set.with(f.set));
                if orphans == Self::NONE { rest } else { rest.stripped(orphans) }
            }
        }

        impl ::core::ops::BitOr for $set {
            type Output = Self;
            fn bitor(self, other: Self) -> Self {
                self.with(other)
            }
        }

        impl ::core::ops::BitAnd for $set {
            type Output = Self;
            fn bitand(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }
        }

        /// All extensions.
        pub const $table: [$entry; [$($name),*].len()] = [$($entry::new(
            $set::$id,
            $name,
            $set::NONE$(.with($set::$need))*,
            $($column),*
        )),*];
    };
}

#[cfg(test)]
mod tests {
    #![expect(unreachable_pub, reason = "what the macro makes is for other crates")]

    #[derive(Clone, Copy, Debug)]
    pub struct Feature {
        set: Features,
        name: &'static str,
        needs: Features,
        bit: u32,
    }

    impl Feature {
        const fn new(set: Features, name: &'static str, needs: Features, bit: u32) -> Self {
            Self { set, name, needs, bit }
        }
    }

    extensions! {
        Features(u8), FEATURES: Feature;
        "Single precision." F "f" []: 5;
        "Double precision." D "d" [F]: 3;
        "Quadruple precision." QUAD "q" [D]: 16;
        "Atomic instructions." A "a" []: 0;
    }

    #[test]
    fn what_needs_what() {
        assert_eq!(
            Features::QUAD.closed(),
            Features::all([Features::F, Features::D, Features::QUAD])
        );
        assert_eq!(Features::ALL.stripped(Features::D), Features::F | Features::A);
        assert_eq!(Features::ALL & Features::A, Features::A);
        assert_eq!(Features::ALL.iter().map(|f| f.bit).collect::<Vec<_>>(), [5, 3, 16, 0]);
        assert_eq!(Features::D.iter().map(|f| f.name).collect::<Vec<_>>(), ["d"]);
    }
}
