"""Files that are refused, because nothing can be promised of them."""

from __future__ import annotations

from pydicom.uid import UID_dictionary

from .collecting import Facts

_DOCUMENTS = "1.2.840.10008.5.1.4.1.1.104."
_VOICES = "1.2.840.10008.5.1.4.1.1.9.4."
_INVENTORIES = "1.2.840.10008.5.1.4.1.1.201."


def refusal(facts: Facts, *, keep_burned_in: bool) -> str:
    """Why a file is refused, in one line; empty if it is not.

    Refused are: what has no SOP Instance UID or SOP class, for it is no object; encapsulated documents (PDF, CDA,
    STL...), whose content is no data set; recorded voices; inventories, which are lists of other objects; private SOP
    classes, of which nobody knows where they keep what; and pixels of which Burned In Annotation says that text is in
    them, or in whose unused bits an overlay lies, unless they are cleaned. Structured reports and presentation states
    are done by the rules of their contents.
    """
    if not facts.sop_class or not facts.instance:
        return "it has no SOP Class UID or SOP Instance UID, so it is no object of the standard"
    if facts.sop_class.startswith(_DOCUMENTS):
        return "it encapsulates a document, which cannot be looked through; convert its pages to images"
    if facts.sop_class.startswith(_VOICES):
        return "it is a recording of a voice"
    if facts.sop_class.startswith(_INVENTORIES):
        return "it is an inventory of other objects"
    if facts.sop_class not in UID_dictionary:
        return f"its SOP class {facts.sop_class} is private, so nobody knows where it identifies"
    if facts.burned_in.upper() == "YES" and not keep_burned_in:
        return "Burned In Annotation says that text is in its pixels; use --clean-pixels, or --keep-burned-in"
    if facts.hidden_overlay and not keep_burned_in:
        return "an overlay lies in unused bits of its pixels; use --clean-pixels, or --keep-burned-in"
    return ""
