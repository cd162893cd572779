"""Decides who may open the page; refuses sounds that name files.

This machine and paired devices may open the page, if their request names this machine as its host.
"""
