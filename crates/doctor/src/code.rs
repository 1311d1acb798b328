//! What the doctor can find: every code, once, with why it matters.

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// It works, but not for everything or not for ever.
    Warning,
    /// Something does not work.
    Error,
}

impl Severity {
    /// One word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A kind of finding.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// Its name, as printed: `E-STALE`.
    pub name: &'static str,
    /// What it is, in a few words.
    pub title: &'static str,
    /// Why it matters and what to do about it, for a person who meets it first.
    pub why: &'static str,
}

impl Code {
    /// The code called `name`, in any case.
    pub fn find(name: &str) -> Option<&'static Self> {
        CODES.iter().find(|c| c.name.eq_ignore_ascii_case(name)).copied()
    }
}

macro_rules! codes {
    ($($ident:ident $name:literal $title:literal $why:literal)*) => {
        $(
            #[doc = $title]
            pub const $ident: &Code = &Code { name: $name, title: $title, why: $why };
        )*
        /// All of them.
        pub const CODES: &[&Code] = &[$($ident),*];
    };
}

codes! {
    NO_MODULE "E-NOMODULE" "The kernel has no binfmt_misc."
        "Without it the kernel knows no interpreters: foreign programs fail with ENOEXEC (Exec \
         format error). It is a module (CONFIG_BINFMT_MISC) that root loads with modprobe; in a \
         container it must be loaded outside."
    NO_MOUNT "E-NOMOUNT" "No binfmt_misc file system is mounted."
        "Registrations are made by writing to a file of that file system, so nothing can be \
         registered or seen before it is mounted. Since Linux 6.7 every user namespace may mount \
         one of its own."
    AUTOMOUNT "E-AUTOMOUNT" "The automount of binfmt_misc was never triggered."
        "systemd mounts it when somebody looks into it. A container that mounts binfmt_misc \
         itself before that gets a file system that vanishes with the container, and the \
         registrations with it: install says OK and the host has nothing. Look into the \
         directory on the host once."
    READ_ONLY "E-ROPROC" "binfmt_misc is mounted read-only."
        "Container engines show /proc/sys read-only to containers that are not privileged. What \
         is registered works, but nothing can be changed from here."
    GLOBAL_OFF "E-GLOBALOFF" "binfmt_misc is disabled as a whole."
        "Its file `status` says disabled: entries can be registered and look enabled, yet every \
         foreign program fails with ENOEXEC."
    VOLATILE "E-VOLATILE" "The registrations vanish with this container or namespace."
        "Since Linux 6.7 the entries live as long as the file system is mounted somewhere. One \
         that a container mounted itself dies with the container. Share the host's \
         (-v /proc/sys/fs/binfmt_misc:/binfmt_misc, and anyarch --mount /binfmt_misc; runc mounts \
         nothing inside of /proc), or keep one alive: anyarch hold."
    NO_ENTRY "E-NOENTRY" "No entry takes programs of this architecture."
        "The kernel compares a program's first bytes with every entry; if none matches and it is \
         not a native program, executing it gives ENOEXEC. Shells print `cannot execute binary \
         file`; env and others then run the file as a shell script."
    DISABLED "E-DISABLED" "The entry is disabled."
        "It keeps its place but takes no programs: they fail with ENOEXEC as if it were not there."
    NO_FLAG_F "E-NOFLAGF" "The entry has no flag F."
        "Without F the kernel opens the interpreter by its path at every execve, in the root of \
         the program: in a container or chroot there is no such file, and executing gives ENOENT \
         (no such file or directory) though the program is there. With F it is opened once, when \
         registered."
    DYNAMIC "E-DYNINTERP" "The interpreter is dynamic."
        "Two configurations that look the same, of which one fails: with flag F the kernel holds \
         the interpreter, but the loader that it needs is looked for in the program's root. There \
         it is missing (ENOENT) or of another architecture. Only a static emulator works in any \
         root."
    SCRIPT "E-SCRIPTINTERP" "The interpreter is a script."
        "The kernel accepts a script, but then needs the script's own interpreter in the \
         program's root, and the script's path as well."
    MISSING "E-INTERPMISSING" "The interpreter does not exist."
        "Without flag F the path is looked for at every execve and is not there: executing gives \
         ENOENT, which looks as if the program itself were missing."
    NOT_EXECUTABLE "E-INTERPNOEXEC" "The interpreter cannot be executed."
        "It lacks the permission, or its mount is noexec: executing gives EACCES. With flag F and \
         a mount that became noexec later, programs die of SIGSEGV at their start."
    FOREIGN "E-INTERPFOREIGN" "The interpreter is a program for another architecture."
        "It would need an interpreter itself: executing gives ENOEXEC or ELOOP."
    LOOP "E-LOOP" "The interpreter is taken by an entry itself."
        "The kernel would start an interpreter for the interpreter, and gives up with ELOOP (too \
         many levels of symbolic links)."
    HIJACK "E-HIJACK" "The entry takes native programs."
        "Entries come before the kernel's own loader. One with the machine's own magic takes over \
         every command, including those that could remove it; only a shell's builtin helps then: \
         echo -1 > /proc/sys/fs/binfmt_misc/NAME."
    STALE "E-STALE" "The kernel holds another interpreter than the one on disk."
        "With flag F the file is opened once. When a package replaces it the kernel keeps the old \
         one, though the entry shows the same path: an upgrade takes effect only when the entry is \
         registered again."
    DELETED "E-DELETED" "The interpreter's path does not exist any more, yet it works."
        "With flag F the kernel holds the file that was there. It works until the entry is \
         removed or the machine restarts; then it cannot be registered again."
    SHADOWED "E-SHADOWED" "Another entry comes first."
        "The entry registered last wins, however unspecific it is; this one is never asked. \
         anyarch status shows the order."
    DUP_NAME "E-DUPNAME" "The entry's name belongs to another architecture."
        "Tools find entries by name: under this one they expect another architecture, and will \
         report it as supported, or refuse to register it."
    USERNS_SHADOW "E-USERNS-SHADOW" "The visible entries are not those in force here."
        "Since Linux 6.7 a user namespace that once mounted binfmt_misc has an instance of its \
         own, for good. After it is unmounted the directory shows the entries of the parent \
         again, but programs are looked up in the namespace's own, empty one: ENOEXEC. Mount \
         binfmt_misc here again and register (anyarch install does both)."
    MASK_PAD "E-MASK-PAD" "The entry refuses AppImages."
        "Type 2 AppImages carry `AI` 02 in bytes 8 to 10 of the ELF header, which are padding. \
         The masks of QEMU's tools compare them with zeros, so a foreign AppImage gives ENOEXEC \
         while every other program runs."
    MASK_ABIVERSION "E-MASK-ABIVERSION" "The entry refuses programs with an ABI version."
        "Byte 8 of the ELF header (EI_ABIVERSION) is not zero in many programs for MIPS and \
         LoongArch. A mask that compares it makes those fail with ENOEXEC; BuildKit's own test \
         program is one of them."
    MASK_MIPS "E-MASK-MIPS" "The entry takes programs of both 32-bit ABIs of MIPS."
        "o32 and n32 differ only in e_flags, which 20 bytes of magic do not reach. Whichever \
         emulator was registered last gets both, and one kind fails."
    NO_CRED "W-NOCRED" "Setuid programs run without their privileges."
        "Without flag C the kernel takes the credentials from the interpreter's file: sudo, su \
         and ping in the foreign root do not become root (`effective uid is not 0`)."
    NO_ARGV0 "W-NOARGV0" "Programs do not see the name they were called by."
        "Without flag P the interpreter gets the path instead of argv[0]: busybox (`applet not \
         found`), login shells and gcc's front ends decide by that name."
    SETUID "W-SETUIDINTERP" "The interpreter is setuid."
        "Without flag C every foreign program, whoever starts it, runs with the rights of the \
         interpreter's owner."
    NNP "E-NNP" "no_new_privs is set."
        "In a process with no_new_privs (containers with that option, systemd units, sandboxes) \
         no program gains privileges, whatever the flags of the entry."
    TARGET_NOEXEC "E-TARGETNOEXEC" "The program cannot be executed."
        "There is no such file, it is no ordinary file, it lacks the permission, or its mount is \
         noexec. Native and foreign programs fail alike."
    BAD_PROGRAM "E-BADPROGRAM" "The file is no complete program."
        "It is empty, was cut off while it was copied, is an object file, or is neither ELF nor a \
         script that begins with #!. The kernel gives ENOEXEC (Exec format error) or starts what is \
         there, which then dies; no registration helps."
    BAD_SCRIPT "E-BADSCRIPT" "The script's interpreter cannot be started."
        "The kernel reads the first line of a script, at most 256 bytes, and starts what stands there \
         behind #!. If that is missing, executing the script gives ENOENT (no such file or \
         directory), though the script is there. An editor that ends lines with CR LF does that: CR \
         becomes part of the interpreter's name."
    NO_SVE "W-NOSVE" "The program is built for SVE."
        "No processor of anyarch has the Scalable Vector Extension, and no program is told so: one \
         that was compiled for it as a whole (-march=armv8-a+sve, armv9-a) dies of SIGILL. Programs \
         that ask first (AT_HWCAP) take other code."
    TARGET_NOSUID "E-TARGETNOSUID" "The program is setuid, on a mount that forbids it."
        "On a nosuid mount setuid has no effect: the program runs with the caller's rights, \
         whatever the flags of the entry."
    GUEST_LOADER "E-GUESTLDSO" "The program's loader is missing."
        "A dynamic program names its loader, which must be in the same root. Emulators print \
         `Could not open '/lib/ld-...'`. The registration is fine; the root is incomplete or the \
         program belongs to another one."
    WRONG_ARCH "E-WRONGARCH" "The program is of another architecture than its root."
        "An image that was put together wrongly holds programs of two architectures: the loader or \
         the shell of the root cannot be of use to this program. Often COPY --from of a stage of \
         the build machine's platform."
    OVERFLOW32 "W-EOVERFLOW32" "A 32-bit program on a file system with 64-bit directory offsets."
        "ext4 gives directory offsets of 64 bits to a 64-bit emulator; a 32-bit guest without \
         large files gets EOVERFLOW from readdir (cargo, cmake: `Value too large for defined data \
         type`). A tmpfs for the directory helps."
    PAGE_SIZE "W-PAGESIZE" "This machine's pages are larger than 4 KiB."
        "Guests are built for pages of 4 KiB; segments that share a larger page cannot be mapped \
         as they ask."
    PODMAN_PARSE "W-PODMAN-PARSE" "podman cannot read this list of entries."
        "podman gives up at an entry by file name extension (or of a newer kind) and then shows no \
         emulated architecture at all. Running containers is not affected."
    SYSTEMD_FLUSH "W-SYSTEMD-FLUSH" "A restart of systemd-binfmt removes the registration."
        "systemd-binfmt first removes all entries, of everybody, and then makes those of binfmt.d: \
         what is not written there is gone after an upgrade of any package with such a file."
    NOT_PERSISTED "W-NOTPERSISTED" "After a restart the registration is gone."
        "The kernel keeps entries in memory only; something has to make them again at every start."
    WSL "W-WSL" "Starting Windows programs depends on an entry that systemd-binfmt removes."
        "WSL registers WSLInterop itself; a restart of systemd-binfmt removes it and .exe files \
         fail with ENOEXEC. A file in binfmt.d makes it again."
    MEMFD_NOEXEC "W-MEMFDNOEXEC" "Programs in memory are forbidden."
        "vm.memfd_noexec=2: the interpreter cannot be held as a copy in memory; anyarch holds its \
         file instead, so that replacing the file in place gives ETXTBSY."
    ARGV0_PATCHED "W-ARGV0-PATCHED" "The interpreter expects flag P, which the entry lacks."
        "The QEMU of tonistiigi/binfmt takes its second argument for the program's argv[0] always. \
         Registered without flag P (by another tool, or without its own environment variable) every \
         program loses its first argument: `ls /etc` lists the current directory."
    X86_LEVEL "W-X86V2" "The program needs a newer level of x86-64."
        "Distributions build for x86-64-v2 or v3 by now and say so in a note of the program. Its \
         loader gives up with `CPU does not support x86-64-v2`, or it dies of SIGILL. Emulators have \
         processors of their own: QEMU's older default knows less (-cpu max, QEMU_CPU=max)."
    BUILDER_OLD "W-BUILDER-OLD" "A builder started before the registration."
        "BuildKit finds out which platforms it can build for when it starts. What was registered \
         later it may not know of: docker buildx ls shows too few platforms, and builds end with \
         `exec format error` or use its own emulator. A restart of the builder helps."
    NO_ENGINE "W-NOENGINE" "The engine does not run."
        "Nothing of it can be looked at: neither in which user namespace its containers start, nor \
         since when it runs. Engines without a daemon (podman, buildah) run only while a container \
         does, or while their pause process is there."
    LSM "E-LSM" "Executing is forbidden by a security module."
        "Permissions and mounts allow it, and yet execve gives EACCES or EPERM. So SELinux, AppArmor, \
         Landlock, a seccomp filter or the like forbids it; the kernel's log (ausearch -m avc, \
         dmesg) says which, except for Landlock and seccomp, which a process imposes on itself."
    UNTRIED "W-UNTRIED" "It could not be tried whether programs execute."
        "To try it a tiny program is run in an empty root, which needs a mount namespace. Where that \
         is forbidden (sandboxes, user.max_user_namespaces, AppArmor's restriction of user \
         namespaces) only the configuration can be judged: that nothing is found says little."
    KERNEL_OLD "E-KERNELOLD" "This needs a newer kernel."
        "Flags came with time: F with Linux 4.8, T, L and D with 7.3; what P adds is announced to \
         the interpreter since 5.12 only. An older kernel refuses the registration with EINVAL \
         (invalid argument) and no further word, or the interpreter takes one argument too many."
    BAD_CONF "E-BADCONF" "A line of a configuration file is no valid registration."
        "systemd-binfmt hands the line to the kernel, which says EINVAL and not why; the entry is \
         missing after every start, while the others of the file are there."
    ENVIRONMENT "E-ENVIRONMENT" "A variable of the environment keeps programs from starting."
        "An emulator reads variables such as QEMU_CPU, QEMU_GDB and QEMU_LOG in every process that it \
         runs. With one that it cannot take, every foreign program ends at its start, with exit code \
         2 and a message of the emulator's. docs/qemu.md lists them."
    LIMITS "E-LIMITS" "A limit of resources is too low."
        "An emulator needs memory and descriptors of its own besides the program's. Under a low \
         limit (ulimit, systemd's Limit...=, a sandbox's) foreign programs end at their start while \
         native ones run."
    PROC_TEMP "W-PROCTEMP" "The interpreter needs temporary files for /proc."
        "QEMU before 7.2 shows /proc/self/stat, maps and others from a temporary file in TMPDIR or \
         /tmp. Where none can be created (read-only containers, a TMPDIR that is not there) opening \
         them fails, and ps claims that /proc is not mounted."
    READ_ONLY_ROOT "W-ROROOT" "The root is read-only."
        "Programs run there all the same. What needs to create files does not, and older emulators \
         are among it (ps: /proc not mounted). A tmpfs at /tmp is enough for them."
    EXEC "E-EXEC" "A program of this architecture does not execute."
        "It was tried, with a tiny program in an empty root, and failed in a way for which there is \
         no more precise code."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_lists_them_all() {
        let rows: Vec<String> =
            CODES.iter().map(|c| format!("| `{}` | {} |", c.name, c.title)).collect();
        let text = include_str!("../../../docs/doctor.md");
        let written: Vec<&str> = text.lines().filter(|l| l.starts_with("| `")).collect();
        assert_eq!(written, rows);
    }

    #[test]
    fn names_are_unique_and_explained() {
        for (i, c) in CODES.iter().enumerate() {
            assert!(c.name.starts_with("E-") || c.name.starts_with("W-"));
            assert!(
                c.why.len() > 60 && c.title.ends_with('.') && c.why.ends_with('.'),
                "{}",
                c.name
            );
            assert!(CODES[i + 1..].iter().all(|d| d.name != c.name));
        }
        assert_eq!(Code::find("e-stale"), Some(STALE));
        assert_eq!(Code::find("E-NONSENSE"), None);
    }
}
