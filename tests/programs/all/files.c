/* Files, directories, offsets, vectors, links, times. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <unistd.h>
int main(void)
{
    char dir[] = "/tmp/anyarch-files-XXXXXX", buf[64] = {0};
    if (!mkdtemp(dir) || chdir(dir)) return 1;
    int fd = open("a", O_RDWR | O_CREAT | O_EXCL, 0640);
    printf("write %zd\n", write(fd, "hello world", 11));
    printf("again %d", open("a", O_CREAT | O_EXCL | O_WRONLY, 0600)),
        printf(" %s\n", strerror(errno));
    struct iovec v[2] = {{"ab", 2}, {"cde", 3}};
    printf("writev %zd", writev(fd, v, 2)),
        printf(" pwrite %zd\n", pwrite(fd, "XY", 2, 3));
    printf("lseek %ld", (long)lseek(fd, 0, SEEK_SET)),
        printf(" read %zd", read(fd, buf, sizeof buf));
    printf(" '%s'\n", buf);
    struct stat st;
    fstat(fd, &st);
    printf("size %ld mode %o links %ld blksize %ld\n", (long)st.st_size, st.st_mode, (long)st.st_nlink, (long)st.st_blksize);
    printf("flags %x\n", fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK));
    fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK);
    printf("append %d", !!(fcntl(fd, F_GETFL) & O_APPEND)),
        printf(" nonblock %d\n", !!(fcntl(fd, F_GETFL) & O_NONBLOCK));
    printf("cloexec %d", fcntl(fd, F_GETFD));
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    printf(" %d\n", fcntl(fd, F_GETFD));
    printf("link %d", link("a", "b")),
        printf(" symlink %d\n", symlink("a", "s"));
    ssize_t n = readlink("s", buf, sizeof buf);
    printf("readlink %zd %.*s\n", n, (int)n, buf);
    printf("nofollow %d", open("s", O_RDONLY | O_NOFOLLOW)),
        printf(" %s\n", strerror(errno));
    printf("directory %d", open("a", O_RDONLY | O_DIRECTORY)),
        printf(" %s\n", strerror(errno));
    mkdir("d", 0755);
    printf("dir ok %d\n", open("d", O_RDONLY | O_DIRECTORY) >= 0);
    printf("dir write %d", open("d", O_WRONLY)),
        printf(" %s\n", strerror(errno));
    struct dirent **names;
    int count = scandir(".", &names, 0, alphasort);
    for (int i = 0; i < count; i++) printf("%s:%d ", names[i]->d_name, names[i]->d_type);
    printf("\n");
    struct timespec ts[2] = {{1000000000, 123456789}, {1100000000, 987654321}};
    utimensat(AT_FDCWD, "a", ts, 0);
    stat("a", &st);
    printf("times %ld.%09ld %ld.%09ld\n", (long)st.st_atim.tv_sec, st.st_atim.tv_nsec, (long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    struct statx sx;
    printf("statx %d", statx(AT_FDCWD, "a", 0, STATX_ALL, &sx)),
        printf(" size %llu\n", (unsigned long long)sx.stx_size);
    struct statfs sf;
    printf("statfs %d", statfs(".", &sf)),
        printf(" bsize>0 %d\n", sf.f_bsize > 0);
    ftruncate(fd, 5);
    stat("b", &st);
    printf("truncated %ld\n", (long)st.st_size);
    printf("rename %d", rename("b", "c")),
        printf(" unlink %d", unlink("a")),
        printf(" %d", unlink("c")),
        printf(" %d\n", unlink("s"));
    printf("rmdir %d", rmdir("d")),
        printf(" missing %d", stat("a", &st)),
        printf(" %s\n", strerror(errno));
    printf("bad fd %d", (int)read(999, buf, 1)),
        printf(" %s\n", strerror(errno));
    printf("bad pointer %d", (int)write(1, (void *)8, 1)),
        printf(" %s\n", strerror(errno));
    printf("bad path %d", open((char *)16, O_RDONLY)),
        printf(" %s\n", strerror(errno));
    char cwd[256];
    printf("cwd %d\n", getcwd(cwd, sizeof cwd) && !strcmp(cwd, dir));
    chdir("/");
    printf("clean %d\n", rmdir(dir));
    struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10};
    printf("lock %d", fcntl(fd, F_SETLK, &fl)),
        printf(" dup %d\n", dup2(fd, 77));
    return 0;
}
