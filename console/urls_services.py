"""Services: the pages about them, and what they ask."""

from django.urls import path

from console.api import authzen

urlpatterns = [
    path(".well-known/authzen-configuration", authzen.configuration, name="authzen_configuration"),
    path("access/v1/evaluation", authzen.evaluation, name="authzen_evaluation"),
    path("access/v1/evaluations", authzen.evaluations, name="authzen_evaluations"),
    path("access/v1/search/subject", authzen.search_subject, name="authzen_search_subject"),
    path("access/v1/search/resource", authzen.search_resource, name="authzen_search_resource"),
    path("access/v1/search/action", authzen.search_action, name="authzen_search_action"),
]
