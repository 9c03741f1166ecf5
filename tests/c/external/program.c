/* A program that knows wmmf only as installed; its argument is a name for a section. */
#include <stdio.h>
#include <string.h>
#include <wmmf.h>

int main(int argc, char **argv) {
    wmmf_section *section;
    char text[6] = "";
    int32_t status = wmmf_create(argc == 2 ? argv[1] : NULL, 100, NULL, &section);
    if (status == WMMF_OK)
        status = wmmf_write(section, 0, "hello", 5, 0);
    if (status == WMMF_OK)
        status = wmmf_read(section, 0, text, 5, 0);
    if (status == WMMF_OK)
        status = wmmf_close(section);
    printf("%s %s %s\n", wmmf_version(), wmmf_strerror(status), text);
    return status != WMMF_OK || strcmp(text, "hello") != 0;
}
