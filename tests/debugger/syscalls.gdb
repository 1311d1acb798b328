set pagination off
set width 0
set scheduler-locking on
catch syscall clock_nanosleep
continue
continue
detach
