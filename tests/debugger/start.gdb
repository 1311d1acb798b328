set pagination off
set width 0
catch fork
catch exec
tbreak main
handle SIGUSR1 stop print pass
starti
continue
print argc
backtrace
continue
continue
set follow-fork-mode child
set detach-on-fork off
print turns
continue
info inferiors
continue
print $_exitcode
inferior 1
set follow-fork-mode parent
tbreak nested if depth == 3
continue
up
print status >> 8
continue
print $_siginfo.si_signo
print $_siginfo._sifields._sigfault.si_addr
print changed
print turns
backtrace
info signals SIGSEGV
continue
print $_exitsignal
