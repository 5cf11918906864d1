"""The benchmark: Interlock and the peer (Prefect's server 2.20.25) on one machine, in turn, under the same load.

`python -m bench --help` lists the scenarios and their options. Nothing here is part of the installed package or
imports it: both servers are driven from outside, as processes that speak HTTP.
"""
