A=/usr/bin/arch-test
t $A --version
t $A amd64
t $A i386
t $A arm64
t $A s390x
t $A win32
t $A vax
t $A -n amd64
t $A -c / amd64
t $A -c /nonexistent amd64
t $A -c
t $A -c /
t $A -x
t $A a b
