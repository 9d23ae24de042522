from trade.tree import TreeDocument


class CustomerGroup(TreeDocument):
    nsm_parent_field = "parent_customer_group"
