from trade.tree import TreeDocument


class Territory(TreeDocument):
    nsm_parent_field = "parent_territory"
