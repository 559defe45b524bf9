/* Replays seed files through a fuzz target without libFuzzer: every file named, or every file
 * of tests/fuzz/corpus/NAME where NAME is the program's own. Also feeds each one cut short at a
 * few places and with single bytes changed, since that costs nothing. Prints TAP. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int replay(const char *path, int index)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        printf("not ok %d - %s: cannot open\n", index, path);
        return 1;
    }
    static uint8_t buf[1 << 20], copy[1 << 20];
    size_t n = fread(buf, 1, sizeof buf, f);
    fclose(f);
    LLVMFuzzerTestOneInput(buf, n);
    for (size_t i = 1; i < 16; i++) {
        LLVMFuzzerTestOneInput(buf, n * i / 16);
    }
    for (size_t i = 0; i < 64 && n; i++) {
        memcpy(copy, buf, n);
        copy[(i * 2654435761u) % n] ^= (uint8_t)(1u << (i % 8));
        LLVMFuzzerTestOneInput(copy, n);
    }
    printf("ok %d - %s\n", index, path);
    return 0;
}

int main(int argc, char **argv)
{
    int index = 0, bad = 0;
    for (int i = 1; i < argc; i++) {
        bad |= replay(argv[i], ++index);
    }
    if (argc > 1) {
        return bad;
    }
    const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
    char dir[256], path[600];
    snprintf(dir, sizeof dir, "tests/fuzz/corpus/%s", name);
    DIR *d = opendir(dir);
    if (!d) {
        printf("not ok 1 - no corpus %s\n", dir);
        return 1;
    }
    for (struct dirent *ent; (ent = readdir(d));) {
        if (ent->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", dir, ent->d_name);
            bad |= replay(path, ++index);
        }
    }
    closedir(d);
    return bad;
}
