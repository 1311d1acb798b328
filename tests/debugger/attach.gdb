set pagination off
set width 0
set print frame-arguments all
break innermost
continue
set var turns = 101
backtrace
info args
next
step
print turns
finish
print $_exitcode
delete
print nested(1)
set scheduler-locking on
tbreak innermost
continue
set var turns = 104
watch changed
continue
set var turns = 104
continue
delete
set scheduler-locking off
info threads
thread apply 2-4 -q frame function idle
thread 2
print finish
set var changed = 5
tbreak nested if depth == 1
continue
up
info source
stepi
nexti
set scheduler-locking on
handle SIGUSR1 nostop print pass
print (int) raise(10)
print turns
set scheduler-locking off
tbreak innermost if turns > 200
set var turns = 200
continue
generate-core-file core
detach
