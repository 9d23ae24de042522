from trade.tree import TreeDocument


class ItemGroup(TreeDocument):
    nsm_parent_field = "parent_item_group"
