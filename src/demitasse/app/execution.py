"""Running one function inside a site, as a command does."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from demitasse.app.site import open_site
from demitasse.auth.credentials import actor_of
from demitasse.auth.model import ADMINISTRATOR
from demitasse.documents.errors import DocumentNotFound
from demitasse.frappe.context import Call, bound
from demitasse.frappe.whitelisting import arguments_for


def execute_function(path: Path, function: str, arguments: Mapping[str, Any], *, user: str = ADMINISTRATOR) -> Any:
    """Call a function by its dotted path in one transaction, commit, and return its result.

    Args:
        path: The site's folder.

    Raises:
        DocumentNotFound: there is no such function.
        MissingArgument: the function needs an argument that was not given.
    """
    site = open_site(path)
    try:
        try:
            found = site.services.resolve(function)
        except (ImportError, AttributeError) as error:
            message = f"There is no function {function}: {error}"
            raise DocumentNotFound(message, function=function) from error
        tx = site.database.write()
        try:
            with bound(Call(site=site.services, tx=tx, actor=actor_of(tx, user))):
                result = found(**arguments_for(found, arguments))
            tx.commit()
        except BaseException:
            tx.rollback()
            raise
        return result
    finally:
        site.close()
