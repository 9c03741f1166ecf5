/* Holds a section and a channel, called as the first argument says, until its standard input ends: what others are
 * tried against. Once a frame has been read by somebody who wrote "seen" into the section, it reports that. */
#include <stdio.h>
#include <string.h>

#include <wmmf.h>

#define MILLISECOND INT64_C(1000000)

static int failed(const char *what, int32_t status) {
    printf("%s: %s\n", what, wmmf_strerror(status));
    return 1;
}

int main(int argc, char **argv) {
    char channel_name[WMMF_NAME_MAX + 1], text[4] = "", line[16];
    wmmf_section *section;
    wmmf_channel *channel;
    wmmf_frame frame = {sizeof frame};
    if (argc != 2)
        return 2;
    snprintf(channel_name, sizeof channel_name, "%s-frames", argv[1]);
    int32_t status = wmmf_create(argv[1], 100, NULL, &section);
    if (status == WMMF_OK)
        status = wmmf_write(section, 0, "held", 4, -1);
    if (status == WMMF_OK)
        status = wmmf_channel_create(channel_name, 100, 0, NULL, &channel);
    if (status != WMMF_OK)
        return failed("create", status);
    frame.used = 5;
    status = wmmf_channel_write(channel, "frame", -1, &frame);
    if (status != WMMF_OK)
        return failed("publish", status);
    printf("ready\n");
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        return 1;
    status = wmmf_read(section, 4, text, 4, 1000 * MILLISECOND);
    if (status != WMMF_OK)
        return failed("read", status);
    printf("%.4s\n", text);
    wmmf_channel_close(channel);
    wmmf_close(section);
    return 0;
}
