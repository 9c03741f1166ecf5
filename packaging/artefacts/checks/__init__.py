"""Each artefact is installed in a fresh place and does its main job beside a program that another artefact made."""
