// Linux on riscv64 has neither PTRACE_SINGLESTEP nor PTRACE_SYSEMU: EIO, and the child stays stopped.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
  int status;
  pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    _exit(4);
  }
  waitpid(child, &status, 0);
  static const int requests[] = {PTRACE_SINGLESTEP, 31 /* SYSEMU */, 32 /* SYSEMU_SINGLESTEP */};
  for (int i = 0; i < 3; i++) {
    errno = 0;
    long result = ptrace(requests[i], child, 0, 0);
    printf("%d: %ld %s, child %d\n", requests[i], result, errno == EIO ? "EIO" : "another error",
           waitpid(child, &status, WNOHANG));
  }
  printf("%ld\n", ptrace(PTRACE_CONT, child, 0, 0));
  waitpid(child, &status, 0);
  printf("%x\n", status);
  return 0;
}
