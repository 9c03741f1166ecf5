/* Access on Windows: security descriptors, and who owns a section. */
#include "win.h"

#include <aclapi.h>
#include <sddl.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#include "last_error.h"

static int32_t descriptor_from_sddl(const wchar_t *sddl, PSECURITY_DESCRIPTOR *out) {
    if (ConvertStringSecurityDescriptorToSecurityDescriptorW(sddl, SDDL_REVISION_1, out, NULL))
        return WMMF_OK;
    error_note((int32_t)GetLastError());
    return WMMF_E_ARGUMENT;
}

static int32_t descriptor_from_utf8(const char *sddl, PSECURITY_DESCRIPTOR *out) {
    int length = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, sddl, -1, NULL, 0);
    wchar_t *wide = length > 0 ? malloc((size_t)length * sizeof *wide) : NULL;
    if (!wide)
        return length > 0 ? WMMF_E_NO_MEMORY : WMMF_E_ARGUMENT;
    MultiByteToWideChar(CP_UTF8, 0, sddl, -1, wide, length);
    int32_t status = descriptor_from_sddl(wide, out);
    free(wide);
    return status;
}

/* The user's own SID instead of OWNER RIGHTS: what an administrator creates may belong to the group. */
static int32_t user_sid_string(wchar_t **out) {
    HANDLE process_token;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &process_token))
        return status_from_error(GetLastError());
    struct {
        TOKEN_USER user;
        BYTE sid[SECURITY_MAX_SID_SIZE];
    } buffer;
    DWORD length;
    bool done = GetTokenInformation(process_token, TokenUser, &buffer, sizeof buffer, &length) &&
                ConvertSidToStringSidW(buffer.user.User.Sid, out);
    int32_t status = done ? WMMF_OK : status_from_error(GetLastError());
    CloseHandle(process_token);
    return status;
}

/* Protected DACLs: nothing is inherited. AU = authenticated users, S-1-15-2-1 = programs in app containers; generic
 * execute allows them to wait on a semaphore. */
int32_t creation_descriptor(const wmmf_options *options, PSECURITY_DESCRIPTOR *out) {
    /* The rights that other programs ask for, which the system grants all or none. The crate WinMMF always asks for
     * FILE_MAP_ALL_ACCESS. CreateFileMapping on an existing name, as in Python's mmap and .NET's CreateOrOpen, asks for
     * STANDARD_RIGHTS_REQUIRED with query, read and write. Both include the right to change this very DACL. */
    static const wchar_t *const writers[] = {
        [WMMF_NATIVE] = L"(A;;GRGWGX;;;AU)(A;;GRGWGX;;;S-1-15-2-1)",
        [WMMF_WINMMF] = L"(A;;0xF001F;;;AU)(A;;0xF001F;;;S-1-15-2-1)",
        [WMMF_RAW] = L"(A;;0xF0007;;;AU)(A;;0xF0007;;;S-1-15-2-1)",
    };
    const wchar_t *others;
    switch (options->access) {
    case WMMF_ACCESS_OWNER:
        others = L"";
        break;
    case WMMF_ACCESS_USERS_READ:
        others = L"(A;;GR;;;AU)(A;;GR;;;S-1-15-2-1)";
        break;
    case WMMF_ACCESS_USERS_WRITE:
        others = writers[options->layout];
        break;
    case WMMF_ACCESS_SDDL:
        return descriptor_from_utf8(options->sddl, out);
    default:
        return WMMF_E_NOT_SUPPORTED;
    }
    wchar_t *sid;
    wchar_t sddl[320];
    int32_t status = user_sid_string(&sid);
    if (status != WMMF_OK)
        return status;
    swprintf(sddl, sizeof sddl / sizeof *sddl, L"D:P(A;;GA;;;%ls)(A;;GA;;;SY)%ls", sid, others);
    LocalFree(sid);
    return descriptor_from_sddl(sddl, out);
}

SECURITY_ATTRIBUTES security_attributes(const struct platform_mapping *mapping) {
    SECURITY_ATTRIBUTES result = {sizeof result, mapping->descriptor, FALSE};
    return result;
}

/* The security of a section. Our handle has no right to query it: it asked only for the rights that its bytes need. */
static int32_t security_of(HANDLE section, SECURITY_INFORMATION what, PSID *owner, PACL *list,
                           PSECURITY_DESCRIPTOR *out) {
    HANDLE self = GetCurrentProcess(), asking = NULL;
    if (!DuplicateHandle(self, section, self, &asking, READ_CONTROL, FALSE, 0))
        return status_from_error(GetLastError());
    DWORD error = GetSecurityInfo(asking, SE_KERNEL_OBJECT, what, owner, NULL, list, NULL, out);
    CloseHandle(asking);
    return error == ERROR_SUCCESS ? WMMF_OK : status_from_error(error);
}

int32_t inner_descriptor(const struct platform_mapping *outer, bool for_readers, PSECURITY_DESCRIPTOR *out) {
    PACL list = NULL;
    int32_t status = security_of(outer->mapping, DACL_SECURITY_INFORMATION, NULL, &list, out);
    for (DWORD i = 0; status == WMMF_OK && for_readers && list && i < list->AceCount; i++) {
        void *entry;
        ACCESS_ALLOWED_ACE *allowed;
        if (!GetAce(list, i, &entry))
            continue;
        allowed = entry;
        if (allowed->Header.AceType == ACCESS_ALLOWED_ACE_TYPE &&
            (allowed->Mask & (FILE_MAP_READ | GENERIC_READ | GENERIC_ALL)))
            allowed->Mask |= FILE_MAP_READ | FILE_MAP_WRITE | GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE;
    }
    return status;
}

bool has_owner_of(HANDLE section, HANDLE other) {
    PSID ours = NULL, theirs = NULL;
    PSECURITY_DESCRIPTOR our_descriptor = NULL, their_descriptor = NULL;
    /* A handle that only has rights to the bytes of the outer section cannot query its owner. */
    bool same = security_of(other, OWNER_SECURITY_INFORMATION, &theirs, NULL, &their_descriptor) != WMMF_OK ||
                (security_of(section, OWNER_SECURITY_INFORMATION, &ours, NULL, &our_descriptor) == WMMF_OK &&
                 EqualSid(ours, theirs));
    LocalFree(our_descriptor);
    LocalFree(their_descriptor);
    error_clear();
    return same;
}

/* Owner or group: what an administrator creates may belong to the group. */
int32_t platform_check_own(const struct platform_mapping *mapping) {
    struct {
        TOKEN_OWNER owner;
        BYTE sid[SECURITY_MAX_SID_SIZE];
    } buffer;
    DWORD length;
    HANDLE process_token;
    PSID owner = NULL;
    PSECURITY_DESCRIPTOR descriptor = NULL;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &process_token))
        return WMMF_E_ACCESS;
    bool own = GetTokenInformation(process_token, TokenOwner, &buffer, sizeof buffer, &length) &&
               security_of(mapping->mapping, OWNER_SECURITY_INFORMATION, &owner, NULL, &descriptor) == WMMF_OK &&
               EqualSid(owner, buffer.owner.Owner);
    LocalFree(descriptor);
    CloseHandle(process_token);
    return own ? WMMF_OK : WMMF_E_ACCESS;
}

int32_t platform_access_of(const struct platform_mapping *mapping, wmmf_options *options) {
    (void)mapping;
    (void)options; /* only needed where a name can be removed, see platform_is_named */
    return WMMF_E_NOT_SUPPORTED;
}

/* DOMAIN\user, or the SID of an account that has no name here. */
static int32_t account_name(PSID sid, char name[OWNER_NAME_CAPACITY]) {
    wchar_t user[256], domain[256], both[513], *text = NULL;
    DWORD user_length = 256, domain_length = 256;
    SID_NAME_USE use;
    if (LookupAccountSidW(NULL, sid, user, &user_length, domain, &domain_length, &use))
        swprintf(both, sizeof both / sizeof *both, L"%ls\\%ls", domain, user);
    else if (ConvertSidToStringSidW(sid, &text))
        swprintf(both, sizeof both / sizeof *both, L"%ls", text);
    else
        return status_from_error(GetLastError());
    LocalFree(text);
    both[512] = L'\0';
    int length = WideCharToMultiByte(CP_UTF8, 0, both, -1, name, OWNER_NAME_CAPACITY, NULL, NULL);
    return length > 0 ? WMMF_OK : status_from_error(GetLastError());
}

/* Our handle has no right to query the owner: it asked only for the rights to read and write. */
int32_t platform_owner(struct platform_mapping *mapping, char name[OWNER_NAME_CAPACITY]) {
    HANDLE self = GetCurrentProcess(), asking = NULL;
    HANDLE object = mapping->file ? mapping->file : mapping->mapping;
    PSECURITY_DESCRIPTOR descriptor = NULL;
    PSID sid = NULL;
    if (!DuplicateHandle(self, object, self, &asking, READ_CONTROL, FALSE, 0))
        return status_from_error(GetLastError());
    DWORD error = GetSecurityInfo(asking, mapping->file ? SE_FILE_OBJECT : SE_KERNEL_OBJECT, OWNER_SECURITY_INFORMATION,
                                  &sid, NULL, NULL, NULL, &descriptor);
    int32_t status = error != ERROR_SUCCESS ? status_from_error(error) : sid ? account_name(sid, name) : WMMF_E_ACCESS;
    LocalFree(descriptor);
    CloseHandle(asking);
    return status;
}
