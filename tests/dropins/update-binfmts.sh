U=/usr/sbin/update-binfmts
t $U
t $U --version
t $U --bogus
t $U --display
t $U --display nope
t $U --install a /bin/true
t $U --install a
t $U --install a /bin/true --magic xyz
t $U --display
t $U --display a
t $U --install b /nonexist --extension foo
t $U --install c /nonexist --magic '\x01\x02' --mask '\xff'
t $U --install d /bin/true --magic '\x01\x02' --mask '\xff\xfe' --credentials yes --fix-binary yes --preserve yes --package pk
t $U --display d
t $U --install d /bin/true --magic '\x01\x02'
entries
t $U --disable d
t $U --enable d
t $U --enable d
t $U --enable
cat /var/lib/binfmts/d
t $U --remove d /bin/true
t $U --remove d /bin/true --package pk
t $U --remove zz /bin/true
t $U --remove c /nonexist
printf 'xyz and more' >/tmp/f.foo
t $U --find /tmp/f.foo
t $U --find /nonexistent
t $U --find
t $U --enable a --disable
t $U --enable --disable
t $U --test --enable a
t $U --test --disable a
t $U --test --install q /bin/true --magic Q
t $U --test --install e /bin/true --extension Q --package k
t $U --test --remove a /bin/true
t $U --install register /bin/true --magic Q
t $U --offset x
t $U --offset 1 --offset 2
t $U --package 1 --package 2
t $U --magic a --extension b
t $U --display a b
t $U --install e /bin/true --magic xyz --fix-binary yes
t $U --display e
t $U --install g /bin/true --magic xyz
entries
mkdir /tmp/imp
printf 'package foo\ninterpreter /bin/true\nmagic QQ\\x01\nmask \\xff\\xff\\xff\nfix_binary yes\n' >/tmp/imp/foo
t $U --importdir /tmp/imp --import
t $U --importdir /tmp/imp --import foo
t $U --importdir /tmp/imp --import none
printf 'Package foo\nInterpreter /bin/true\nmagic QQ\\x02\n' >/tmp/imp/foo
t $U --importdir /tmp/imp --import foo
cat /var/lib/binfmts/foo
entries
t $U --importdir /tmp/imp --unimport foo
t $U --importdir /tmp/imp --unimport
printf 'interpreter /bin/true\nmagic zzz\n' >/tmp/imp/nop
t $U --importdir /tmp/imp --import nop
printf 'package p\ninterpreter /bin/nonono\nextension zzz\n' >/tmp/imp/ext
t $U --importdir /tmp/imp --import ext
t $U --importdir /nonexistent --import
t $U --import status
t $U --import qemu-aarch64
t $U --import qemu-mips
t $U --display qemu-mips
t $U --unimport qemu-mips
t $U --import /usr/share/binfmts/qemu-arm
printf 'short\n' >/var/lib/binfmts/broken
t $U --display broken
rm /var/lib/binfmts/broken
t $U --disable
t $U --display
