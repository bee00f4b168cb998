"""Data lists, splits and readers."""

from .box_classes import check_box_classes
from .data_list import data_list_sha256, name_items, read_data_list, shard, write_data_list
from .images import find_images
from .splits import check_disjoint, share_out_groups, split_by_group, split_by_position

__all__ = [
    "check_box_classes",
    "check_disjoint",
    "data_list_sha256",
    "find_images",
    "name_items",
    "read_data_list",
    "shard",
    "share_out_groups",
    "split_by_group",
    "split_by_position",
    "write_data_list",
]
