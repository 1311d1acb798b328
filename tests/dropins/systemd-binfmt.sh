S=/lib/systemd/systemd-binfmt
mkdir -p /run/binfmt.d
cat >/etc/binfmt.d/a.conf <<'END'
:x1:M::X::/nonexistent:F
:sta/tus:M::X::/bin/true:
nodelim
:status:M::s::/bin/true:
:bad:Q::s::/bin/true:
:two:M::2::/bin/true:
:
END
printf '# c1\n; c2\n\n   :one:M::ONE::/bin/true:F  \n:two:E::two::/bin/true:\n|p:q|M|3|abc||/bin/true|POC' >/etc/binfmt.d/b.conf
printf ':run:M::RUN::/bin/true:F' >/run/binfmt.d/c.conf
printf ':hidden:M::RUN::/bin/true:F' >/run/binfmt.d/b.conf
: >/etc/binfmt.d/empty.conf
ln -s /dev/null /etc/binfmt.d/qemu-sparc.conf
printf ':no:M::NO::/bin/true:' >/etc/binfmt.d/.hidden.conf
printf ':no:M::NO::/bin/true:' >/etc/binfmt.d/other.txt
t $S --cat-config
t $S
entries
t $S
t $S --unregister
entries
t $S /etc/binfmt.d/b.conf
t $S b.conf c.conf
entries
t $S nope.conf
t $S /nope/nope.conf b.conf
t $S --cat-config a
t $S --unregister b.conf
t $S --bogus
t $S -x
t $S --cat
t $S --no-pager --cat-config
umount /proc/sys/fs/binfmt_misc
t $S
t $S b.conf
t $S --unregister
rm -f /etc/binfmt.d/*
t $S --cat-config
