// Preloaded into a Redis of the tests: its clock is ahead by the seconds in the file $CLOCK_AHEAD.
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    long ahead = 0;
    FILE *file = fopen(getenv("CLOCK_AHEAD"), "r");
    if (!file || fscanf(file, "%ld", &ahead) != 1) abort();
    fclose(file);
    long answer = syscall(SYS_gettimeofday, now, zone);
    now->tv_sec += ahead;
    return (int)answer;
}
