"""Who speaks when: local speakers in sound, and the voices of those who speak in a clip."""
