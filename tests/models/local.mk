# tests/models: the tests of models/.
