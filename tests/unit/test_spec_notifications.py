"""Which events a resource can have told: every reason that there is, but those that notifications make."""

from typing import get_args

from anomalyjob_operator.spec import Spec
from anomalyjob_operator.spec.notifications import USUAL_EVENTS, NotifiedReason
from anomalyjob_operator.status import EventReason


def test_every_reason_can_be_chosen_but_those_that_notifications_make() -> None:
    assert set(get_args(EventReason)) - set(get_args(NotifiedReason)) == {"AnomalyAlert", "NotificationError"}
    assert set(get_args(NotifiedReason)) <= set(get_args(EventReason))


def test_what_a_person_has_to_look_at_is_told_if_nothing_is_chosen() -> None:
    wanted = {"CheckpointError", "CheckpointOverdue", "JobFailed", "RecoverDeployment", "Recovered"}

    assert wanted < set(Spec().notifications.events) == set(USUAL_EVENTS)


def test_who_is_told_makes_no_other_job() -> None:
    told = Spec.model_validate({"notifications": {"webhook": "on-call", "alerts": True}})

    assert told.content_hash() == Spec().content_hash()
    assert told.start_hash() == Spec().start_hash()
