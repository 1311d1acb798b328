set width 0
print turns
backtrace
info threads
