"""Elements that the standard's table does not name, or that this program knows more of."""

from __future__ import annotations

# These stand for a patient or an order in many files: a keyed pseudonym keeps together what belongs together.
PSEUDONYMS = (
    "AccessionNumber", "StudyID", "PlacerOrderNumberImagingServiceRequest", "FillerOrderNumberImagingServiceRequest",
    "PlacerOrderNumberProcedure", "FillerOrderNumberProcedure", "PlacerOrderNumberImagingServiceRequestRetired",
    "FillerOrderNumberImagingServiceRequestRetired", "StorageMediaFileSetID", "TrackingID",
)  # fmt: skip
# Not in the standard's table, and yet they name a person, an institution or a machine, or hold what cannot be read.
REMOVED = (
    "PatientBirthDateInAlternativeCalendar", "PatientDeathDateInAlternativeCalendar", "NTPSourceAddress",
    "HL7InstanceIdentifier", "UniformResourceLocatorTrial", "IdentificationDescriptionTrial", "OwnerID",
    "EncryptedAttributesSequence", "MACParametersSequence", "Signature", "ContactDisplayName",
    "PrivateDataElementCharacteristicsSequence", "IssuerOfAccessionNumberSequence", "ObjectBinaryIdentifierTrial",
    "OrderPlacerIdentifierSequence", "OrderFillerIdentifierSequence", "AssigningFacilitySequence", "RecordKey",
    "PriorRecordKey", "PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence",
    "LongitudinalTemporalInformationModified", "LengthToEnd", "BreedRegistrationNumber", "HangingProtocolCreator",
)  # fmt: skip
REPLACED = ("LocalNamespaceEntityID", "UniversalEntityID")
DEVICE = ("DeviceID", "SecondaryCaptureDeviceID", "HardcopyCreationDeviceID", "RadiationMachineName")
# They name a kind of object, a syntax or a register, not an object.
CLASS_UIDS = (
    "SOPClassUID", "RelatedGeneralSOPClassUID", "OriginalSpecializedSOPClassUID", "SOPClassesInStudy",
    "CodingSchemeUID", "ContextUID", "MappingResourceUID", "ReferencedSOPClassUID", "SOPClassesSupported",
    "AvailableTransferSyntaxUID", "FlowTransferSyntaxUID", "PertinentSOPClassesInStudy",
    "PertinentSOPClassesInSeries", "EncryptedContentTransferSyntaxUID", "MACCalculationTransferSyntaxUID",
    "StoredInstanceTransferSyntaxUID",
)  # fmt: skip
# Their values come from closed lists that all else depends on.
TERMS = (
    "SpecificCharacterSet", "Modality", "PhotometricInterpretation", "ValueType", "RelationshipType",
    "ContinuityOfContent",
)  # fmt: skip
HUNTED_URIS = ("CodingSchemeURL", "URNCodeValue")
