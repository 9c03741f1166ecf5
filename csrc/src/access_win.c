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
    wchar_t *wide;
    int32_t status = wide_text(sddl, WMMF_E_ARGUMENT, &wide);
    if (status == WMMF_OK)
        status = descriptor_from_sddl(wide, out);
    free(wide);
    return status;
}

/* TOKEN_USER and TOKEN_OWNER begin with the address of the SID. */
union token_answer {
    PSID sid;
    BYTE all[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
};

static int32_t ask_token(TOKEN_INFORMATION_CLASS what, union token_answer *answer) {
    HANDLE process_token;
    DWORD length;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &process_token))
        return status_from_error(GetLastError());
    BOOL done = GetTokenInformation(process_token, what, answer, sizeof *answer, &length);
    int32_t status = done ? WMMF_OK : status_from_error(GetLastError());
    CloseHandle(process_token);
    return status;
}

/* The user's own SID instead of OWNER RIGHTS: what an administrator creates may belong to the group. */
static int32_t user_sid_string(wchar_t **out) {
    union token_answer answer;
    int32_t status = ask_token(TokenUser, &answer);
    if (status == WMMF_OK && !ConvertSidToStringSidW(answer.sid, out))
        status = status_from_error(GetLastError());
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

/* The security of a section or file. Our handle has no right to query it: it asked only for the rights that its bytes
 * need. */
static int32_t security_of(HANDLE object, SE_OBJECT_TYPE kind, SECURITY_INFORMATION what, PSID *owner, PACL *list,
                           PSECURITY_DESCRIPTOR *out) {
    HANDLE self = GetCurrentProcess(), asking = NULL;
    if (!DuplicateHandle(self, object, self, &asking, READ_CONTROL, FALSE, 0))
        return status_from_error(GetLastError());
    DWORD error = GetSecurityInfo(asking, kind, what, owner, NULL, list, NULL, out);
    CloseHandle(asking);
    return error == ERROR_SUCCESS ? WMMF_OK : status_from_error(error);
}

static int32_t owner_of(HANDLE section, PSID *owner, PSECURITY_DESCRIPTOR *out) {
    return security_of(section, SE_KERNEL_OBJECT, OWNER_SECURITY_INFORMATION, owner, NULL, out);
}

int32_t inner_descriptor(const struct platform_mapping *outer, bool for_readers, PSECURITY_DESCRIPTOR *out) {
    PACL list = NULL;
    int32_t status = security_of(outer->mapping, SE_KERNEL_OBJECT, DACL_SECURITY_INFORMATION, NULL, &list, out);
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
    bool same = owner_of(other, &theirs, &their_descriptor) != WMMF_OK ||
                (owner_of(section, &ours, &our_descriptor) == WMMF_OK && EqualSid(ours, theirs));
    LocalFree(our_descriptor);
    LocalFree(their_descriptor);
    error_clear();
    return same;
}

/* Owner or group: what an administrator creates may belong to the group. */
int32_t platform_check_own(const struct platform_mapping *mapping) {
    union token_answer answer;
    PSID owner = NULL;
    PSECURITY_DESCRIPTOR descriptor = NULL;
    bool own = ask_token(TokenOwner, &answer) == WMMF_OK &&
               owner_of(mapping->mapping, &owner, &descriptor) == WMMF_OK && EqualSid(owner, answer.sid);
    LocalFree(descriptor);
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

int32_t platform_owner(struct platform_mapping *mapping, char name[OWNER_NAME_CAPACITY]) {
    PSECURITY_DESCRIPTOR descriptor = NULL;
    PSID sid = NULL;
    int32_t status =
        mapping->file ? security_of(mapping->file, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION, &sid, NULL, &descriptor)
                      : owner_of(mapping->mapping, &sid, &descriptor);
    if (status == WMMF_OK)
        status = sid ? account_name(sid, name) : WMMF_E_ACCESS;
    LocalFree(descriptor);
    return status;
}
