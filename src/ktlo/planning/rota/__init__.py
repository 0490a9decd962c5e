"""Rotas: who is on call and when, planned by constraint solving, with reasons where no plan exists.

People and rules come from ``rota:`` in ktlo.yaml (``rules``), time off, wishes, swaps and published plans from
the journal of the state (``journal``). ``solve`` plans, ``explain`` says why nothing can be planned, ``gaps``
looks ahead, ``load`` measures afterwards; ``feed``, ``pagerduty`` and ``opsgenie`` speak to the outside.
"""
