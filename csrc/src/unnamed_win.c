/* Unnamed sections on Windows: the kernel copies a handle into another process. */
#include "win.h"

#include "last_error.h"

/* Processes of all sessions may get a handle, so the objects on which they sleep are in the machine's namespace. */
static int32_t unnamed_new(struct platform_mapping **out) {
    int32_t status = mapping_new(out);
    if (status == WMMF_OK)
        (*out)->object_namespace = L"Global\\";
    return status;
}

int32_t platform_create_unnamed(const wmmf_options *options, uint64_t size, uint64_t reserved, uint64_t addresses,
                                struct platform_mapping **out) {
    (void)reserved; /* the system commits all of it */
    struct platform_mapping *mapping;
    int32_t status = unnamed_new(&mapping);
    if (status != WMMF_OK)
        return status;
    status = creation_descriptor(options, &mapping->descriptor);
    if (status == WMMF_OK)
        status = create_exclusively(mapping, NULL, size, addresses, options->flags);
    return mapping_hand_out(mapping, status, out);
}

int32_t platform_share(struct platform_mapping *mapping, uint32_t pid, bool read_only, int64_t *handle) {
    HANDLE self = GetCurrentProcess(), copy = NULL;
    HANDLE process = pid == 0 ? self : OpenProcess(PROCESS_DUP_HANDLE, FALSE, pid);
    if (!process) {
        DWORD error = GetLastError();
        int32_t status = status_from_error(error);
        error_detail("process %lu cannot be given a handle", (unsigned long)pid);
        return error == ERROR_INVALID_PARAMETER ? WMMF_E_NOT_FOUND : status;
    }
    BOOL done = DuplicateHandle(self, mapping->mapping, process, &copy, rights(read_only), FALSE, 0);
    int32_t status = done ? WMMF_OK : status_from_error(GetLastError());
    if (process != self)
        CloseHandle(process);
    if (status == WMMF_OK)
        *handle = (int64_t)(intptr_t)copy;
    return status;
}

/* "Invalid handle" here means that the handle is that of something else. */
static int32_t map_handle(struct platform_mapping *mapping, bool read_only) {
    int32_t status = section_map(mapping, read_only);
    if (status == WMMF_OK || last_error()->system != ERROR_INVALID_HANDLE)
        return status;
    return failed(WMMF_E_FORMAT, "the handle is not that of a section");
}

static int32_t no_handle(int64_t handle) {
    return failed(WMMF_E_ARGUMENT, "%lld is not a handle of this process", (long long)handle);
}

int32_t platform_open_handle(int64_t handle, bool read_only, struct platform_mapping **out) {
    struct platform_mapping *mapping;
    HANDLE self = GetCurrentProcess(), given = (HANDLE)(intptr_t)handle;
    int32_t status = unnamed_new(&mapping);
    if (status != WMMF_OK)
        return status;
    if (handle < 0) { /* pseudo-handles of this process and thread, and INVALID_HANDLE_VALUE */
        status = no_handle(handle);
    } else if (DuplicateHandle(self, given, self, &mapping->mapping, rights(read_only), FALSE, 0)) {
        status = map_handle(mapping, read_only);
    } else {
        DWORD error = GetLastError();
        status = status_from_error(error);
        if (error == ERROR_INVALID_HANDLE)
            status = no_handle(handle);
    }
    return mapping_hand_out(mapping, status, out);
}
