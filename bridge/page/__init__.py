"""The contract as a page: one HTML file, made from the AsyncAPI document alone. Pure.

`bridge.page.page.render` writes it; it works under the policy of `bridge.page.scripts`.
"""
