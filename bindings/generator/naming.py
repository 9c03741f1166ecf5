"""What the skins call the things of the header, and how its comments become their documentation."""

from __future__ import annotations

import re
from collections.abc import Callable

from generator.header import Struct, Variable

# C enum: its name in C#, its name in Python ("" if Python has none), the prefixes of its members, longest first.
ENUMS = {
    "wmmf_status": ("WmmfStatus", "Status", ("WMMF_E_", "WMMF_")),
    "wmmf_namespace": ("SectionNamespace", "Namespace", ("WMMF_",)),
    "wmmf_layout": ("SectionLayout", "Layout", ("WMMF_",)),
    "wmmf_access": ("SectionAccess", "Access", ("WMMF_ACCESS_",)),
    "wmmf_file_mode": ("SectionFileMode", "", ("WMMF_FILE_",)),
    "wmmf_protection": ("SectionProtection", "", ("WMMF_",)),
    "wmmf_file_share": ("SectionShare", "FileShare", ("WMMF_SHARE_",)),
    "wmmf_advice": ("SectionAdvice", "Advice", ("WMMF_ADVICE_",)),
    "wmmf_element": ("FrameElement", "Element", ("WMMF_ELEMENT_",)),
    "wmmf_pick": ("FramePick", "", ("WMMF_PICK_",)),
    "wmmf_channel_state": ("ChannelState", "ChannelState", ("WMMF_CHANNEL_",)),
}

# Enums that are the skins' own business: users have methods instead.
INTERNAL = {"wmmf_pick", "wmmf_file_mode", "wmmf_file_share"}

# Structs that the skins show to their users, by the name that they have there.
RECORDS = {
    "wmmf_audit_report": "AuditReport",
    "wmmf_participant": "Participant",
    "wmmf_hold": "Hold",
    "wmmf_lock_state": "LockState",
}

# Records that users of C# do not see.
ONLY_IN_PYTHON = {"wmmf_lock_state"}

_HIDDEN = {"struct_size", "reserved"}

# Of all enumerators, longest first.
_PREFIXES = tuple(sorted({prefix for *_, prefixes in ENUMS.values() for prefix in prefixes}, key=len, reverse=True))


def shown(struct: Struct) -> list[Variable]:
    """The fields of a record that are for users."""
    return [field for field in struct.fields if field.name not in _HIDDEN]


def member(name: str, prefixes: tuple[str, ...]) -> str:
    """An enumerator without the prefix of its enum."""
    return name[len(next(prefix for prefix in prefixes if name.startswith(prefix))) :]


def pascal(name: str) -> str:
    """SOME_NAME as SomeName."""
    return "".join(part.capitalize() for part in name.split("_"))


def sentence(comment: str, spelled: Callable[[str], str]) -> str:
    """A comment as documentation: one or more whole sentences, without the words that only a C programmer needs, and
    without the records that only C shows. The enumerators in it are ``spelled`` as in the other language."""
    text = re.sub(r"; written by wmmf_\w+|; UINT64_MAX if the hold is free", "", comment)
    text = re.sub(r"\bWMMF_[A-Z_]+", lambda found: spelled(member(found[0], _PREFIXES)), text)
    text = re.sub(r"^1 if\b", "Whether", text)
    text = text[:1].upper() + text[1:]
    return text if not text or text[-1] in ".:" else text + "."
